// SPDX-License-Identifier: Apache-2.0
// What the server counts, as numbers and charts.
import {$, make, percent, svg} from './elements.js';
import {showModel} from './model.js';
import {onOpen} from './sections.js';
import {ask, request} from './server.js';

// Of Prometheus text: [{name, labels: {key: word}, value}].
function samples(text) {
  const words = inner => Object.fromEntries([...inner.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, word]) => [key, word]));
  return [...text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)].map(([, name, inner = '', value]) =>
    ({name, labels: words(inner), value: Number(value)}));
}

const kStages = ['wait', 'read', 'decode', 'resize', 'queue', 'network', 'search'], kKept = 60, kWide = 320;
const kTold = $('figures-told').textContent;
let past = [];  // {time, photos}, the latest last
let latest;  // when the server last told

function duration(seconds) {
  if (seconds >= 1) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  return `${(1000 * seconds).toFixed(seconds < 0.01 ? 1 : 0)} ms`;
}

// How far the scores of late are from those of the calibration (population stability index).
function strangeness(drift, calibrated) {
  if (!calibrated) return 'not learnt';
  if (drift === undefined) return 'too few to say';
  return drift < 0.1 ? 'as expected' : drift < 0.25 ? 'a bit new' : 'unfamiliar';
}

async function showFigures() {
  const [status, text] = await Promise.all([ask('GET', '/v1/status'), request('GET', '/metrics').then(answer => answer.text())]);
  const all = samples(text), photos = status.photos_answered;
  const of = (name, labels = {}) => all.filter(sample => sample.name === `shoplens_${name}` &&
    Object.entries(labels).every(([key, value]) => sample.labels[key] === value));
  if (past.at(-1)?.photos > photos) past = [];  // it was started anew
  past = [...past, {time: performance.now() / 1000, photos}].slice(-kKept - 1);
  const rows = {
    'Products': status.labels.toLocaleString('en'),
    'Photos of them': status.items.toLocaleString('en'),
    'Photos answered': photos.toLocaleString('en'),
    'Unknown of these': photos ? percent(status.photos_unknown / photos) : '–',
    'Photos look': strangeness(of('score_drift')[0]?.value, status.calibrated),
    'Network': status.model.arch,
  };
  $('numbers').replaceChildren(...Object.entries(rows).map(row => make('div', make('dt', row[0]), make('dd', row[1]))));
  const buckets = of('request_seconds_bucket', {route: 'POST /v1/recognize'})
    .map(({labels, value}) => ({to: Number(labels.le.replace('+Inf', 'Infinity')), count: value}));
  const mean = stage => of('stage_seconds_sum', {stage})[0]?.value / of('stage_seconds_count', {stage})[0]?.value || 0;
  $('charts').replaceChildren(rateChart(), latencyChart(buckets), stageChart(kStages.map(stage => ({stage, mean: mean(stage)}))));
  if ($('figures-told').textContent !== kTold) $('figures-told').textContent = kTold;
  latest = new Date();
}

const chart = (title, told, ...parts) => make('figure.card.chart', make('h3', title), make('p.muted', told), ...parts);
const drawing = (label, height, ...parts) =>
  svg('svg', {viewBox: `0 0 ${kWide} ${height}`, role: 'img', 'aria-label': label}, ...parts);
const word = (x, y, text, anchor = 'start') => svg('text', {x, y, 'text-anchor': anchor}, text);
const ground = () => svg('path', {class: 'rule', d: `M0 110H${kWide}`});

function rateChart() {
  const rates = past.slice(1).map(({time, photos}, i) => (photos - past[i].photos) / (time - past[i].time));
  const most = Math.max(0, ...rates), now = (rates.at(-1) ?? 0).toFixed(1), step = kWide / (kKept - 1);
  const points = rates.map((rate, i) => `${kWide - (rates.length - 1 - i) * step},${110 - 100 * rate / Math.max(1, most)}`);
  const parts = [ground(), word(0, 127, '2 minutes ago'), word(kWide, 127, 'now', 'end')];
  if (points.length > 1)
    parts.push(svg('path', {class: 'area', d: `M${kWide - (rates.length - 1) * step},110 L${points.join(' L')} L${kWide},110z`}),
      svg('polyline', {class: 'stroke', points: points.join(' ')}));
  const label = `Photos a second over two minutes, now ${now}`;
  return chart('Photos a second', `${now} now, at most ${most.toFixed(1)} of late`, drawing(label, 130, ...parts));
}

function latencyChart(buckets) {
  const total = buckets.at(-1)?.count ?? 0;
  if (!total) return chart('Time to an answer', 'Nothing was asked yet.');
  const name = ({to}) => Number.isFinite(to) ? `under ${duration(to)}` : `over ${duration(buckets.at(-2).to)}`;
  const within = share => name(buckets.find(({count}) => count >= share * total));
  const counts = buckets.map(({count}, i) => count - (buckets[i - 1]?.count ?? 0)), step = kWide / counts.length;
  const told = `Half ${within(0.5)}, 95% ${within(0.95)}`, parts = [ground()];
  for (const [i, count] of counts.entries()) {
    const height = 100 * count / Math.max(...counts), place = {x: i * step + 1.5, width: step - 3, y: 110 - height, height, rx: 3};
    if (count) parts.push(svg('rect', {class: 'bar', ...place}, svg('title', {}, `${count} ${name(buckets[i])}`)));
    if (i % 3 === 1 && i < counts.length - 1) parts.push(word((i + 1) * step, 127, duration(buckets[i].to), 'middle'));
  }
  return chart('Time to an answer', told, drawing(told, 130, ...parts));
}

function stageChart(stages) {
  const total = stages.reduce((sum, {mean}) => sum + mean, 0), bars = [];
  if (!total) return chart('Where the time goes', 'Nothing was asked yet.');
  let x = 0;
  const legend = stages.map(({stage, mean}, i) => {
    const width = kWide * mean / total, dot = svg('rect', {class: `s${i}`, width: 10, height: 10, rx: 3});
    bars.push(svg('rect', {class: `s${i}`, x, width, height: 28}));
    x += width;
    return make('li', svg('svg', {viewBox: '0 0 10 10', 'aria-hidden': true}, dot), `${stage} ${duration(mean)}`);
  });
  return chart('Where the time goes', `${duration(total)} a photo on average`,
    drawing('Where the time goes; the list below says it too', 28, ...bars), make('ul.legend', ...legend));
}

function tellFailure({message}) {
  $('figures-told').textContent = latest ? `${message} These figures are of ${latest.toLocaleTimeString()}.` : message;
}

const paused = () => $('pause').ariaPressed === 'true';
$('pause').onclick = () => $('pause').ariaPressed = !paused();
setInterval(() => { if (!$('figures').hidden && !document.hidden && !paused()) showFigures().catch(tellFailure); }, 2000);

onOpen('figures', () => Promise.all([showFigures(), showModel()]));
