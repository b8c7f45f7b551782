// SPDX-License-Identifier: Apache-2.0
'use strict';

const $ = id => document.getElementById(id);

// An element: make('p.muted', {title: 'x'}, 'text', child, ...). Text is never taken for markup.
function make(name, ...children) {
  const [tag, ...classes] = name.split('.'), properties = children[0]?.constructor === Object ? children.shift() : {};
  const element = Object.assign(document.createElement(tag), {className: classes.join(' '), ...properties});
  element.append(...children);
  return element;
}

function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// ---- the server

// Errors that people meet, in their words; of others the server's own are shown.
const kErrors = {
  unsupported: 'This file is no photo that can be read: send JPEG, PNG or WebP.',
  corrupt: 'This photo is damaged: part of the file is missing or was changed.',
  too_large: 'That is more than this server takes at once: send smaller photos.',
  overloaded: 'The server has too much to do: try again in a moment.',
  rate_limited: 'That was too fast for this server: try again in a moment.',
  deadline: 'The server was too busy to answer in time: try again.',
  unauthorized: 'This server asks for a token: press Token above.',
  forbidden: 'This token may look at the catalogue, not do that.',
  photo_gone: 'The file of that catalogue photo is gone: add the photo again.',
};

function headers(more = {}) {
  const token = sessionStorage.getItem('token');
  return token ? {...more, Authorization: `Bearer ${token}`} : more;
}

async function request(method, path, body, more = {}) {
  const json = body && !(body instanceof Blob) && !(body instanceof FormData);
  if (method !== 'GET') more['Idempotency-Key'] ??= crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  if (json) more['Content-Type'] = 'application/json';
  const response = await fetch(path, {method, body: json ? JSON.stringify(body) : body, headers: headers(more)})
    .catch(() => { throw new Error('The server does not answer. Is it running, and this device online?'); });
  if (response.ok) return response;
  const told = {error: {message: `The server answered ${response.status}`, hint: 'Try again.'}};
  const {error} = await response.json().catch(() => told);
  if (response.status === 401 && !tokenDeclined) signIn();
  const text = kErrors[error.code] ?? `${error.message}. ${error.hint}`;
  throw Object.assign(new Error(text), {status: response.status, code: error.code});
}

const ask = async (...what) => (await request(...what)).json();

// A picture of the server. With a token it has to be fetched, as an <img> sends none.
function picture(path, alt) {
  const image = make('img', {alt, loading: 'lazy', decoding: 'async'});
  if (!sessionStorage.getItem('token')) image.src = path;
  else request('GET', path).then(response => response.blob()).then(blob => showBlob(image, blob), () => {});
  return image;
}

function showBlob(image, blob) {
  image.src = URL.createObjectURL(blob);
  image.onload = () => URL.revokeObjectURL(image.src);
  return image;
}

// ---- telling and asking

let toastTimer;
function say(text, bad = false) {
  const toast = $('toast');
  ([...document.querySelectorAll('dialog[open]')].at(-1) ?? document.body).append(toast);  // above it, and heard
  toast.textContent = text;
  toast.classList.toggle('bad', bad);
  toast.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => toast.hidden = true, bad ? 8000 : 4000);
}

// Runs what a press or a form starts: one at a time, and its failure is told.
async function attempt(element, action) {
  if (element.ariaBusy === 'true') return;
  element.ariaBusy = 'true';
  try {
    await action();
  } catch (error) {
    say(error.message, true);
  } finally {
    element.ariaBusy = null;
  }
}

const onPress = (element, action) => { element.onclick = () => attempt(element, action); return element; };
const press = (text, action, className = '') => onPress(make('button', {type: 'button', textContent: text, className}), action);
const onSubmit = (form, action) => { form.onsubmit = event => { event.preventDefault(); attempt(form, action); }; return form; };

function confirmed(title, text, yes) {
  const dialog = $('sure');
  $('sure-title').textContent = title;
  $('sure-text').textContent = text;
  $('sure-yes').textContent = yes;
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise(resolve => dialog.onclose = () => resolve(dialog.returnValue === 'yes'));
}

const percent = share => `${(100 * share).toFixed(share > 0.995 || share < 0.005 ? 1 : 0)}%`;
const many = (count, word) => `${count.toLocaleString('en')} ${word}${count === 1 ? '' : 's'}`;

function nothing(title, text, ...more) {
  const icon = svg('svg', {viewBox: '0 0 24 24', 'aria-hidden': true}, svg('path', {d: 'M4 8h16v11H4zM4 8l3-4h10l3 4M12 4v4'}));
  return make('div.empty', icon, make('h3', title), make('p.muted', text), ...more);
}

// ---- sections

const opened = {recognize: () => {}, catalogue: showCatalogue, unknown: showUnknowns, figures: showFigures};
const sections = Object.keys(opened);

function open(name) {
  for (const section of sections) {
    const tab = $(`tab-${section}`);
    tab.ariaSelected = section === name;
    tab.tabIndex = section === name ? 0 : -1;
    $(section).hidden = section !== name;
  }
  history.replaceState(null, '', name === 'recognize' ? location.pathname : `#${name}`);
  attempt($(name), opened[name]);
}

for (const [i, section] of sections.entries()) {
  const tab = $(`tab-${section}`);
  tab.onclick = () => open(section);
  tab.onkeydown = event => {
    const next = {ArrowRight: i + 1, ArrowLeft: i + sections.length - 1, Home: 0, End: sections.length - 1}[event.key];
    if (next === undefined) return;
    event.preventDefault();
    $(`tab-${sections[next % sections.length]}`).focus();
    open(sections[next % sections.length]);
  };
}

// ---- photos that come in: chosen, taken, dropped, pasted

function take(files, section) {
  const photos = [...files].filter(file => file.type.startsWith('image/'));
  if (!photos.length) return files.length && say('Those are no photos: send JPEG, PNG or WebP.', true);
  if ($('add').open) return pick(photos);
  if ($('product').open) return showAdd($('product-name').textContent, photos);
  if (section === 'catalogue') return showAdd('', photos);
  open('recognize');
  recognize(photos);
}

const shownSection = () => sections.find(section => !$(section).hidden);
for (const id of ['photo', 'camera', 'add-photos', 'add-camera'])
  $(id).onchange = event => { take(event.target.files, 'recognize'); event.target.value = ''; };
document.onpaste = event => event.clipboardData.files.length && take(event.clipboardData.files, shownSection());
document.ondragover = event => { event.preventDefault(); document.body.classList.add('dragging'); };
document.ondragleave = event => event.relatedTarget || document.body.classList.remove('dragging');
document.ondrop = event => {
  event.preventDefault();
  document.body.classList.remove('dragging');
  take(event.dataTransfer.files, shownSection());
};

// ---- recognise

async function recognize(photos) {
  $('drop').classList.add('slim');
  const cards = photos.map(photo => withoutAnswer(photo, 'wait', make('p.muted', 'Looking…')));
  $('answer').replaceChildren(...cards);
  for (const [i, photo] of photos.entries()) cards[i].replaceWith(await answerTo(photo));
  for (const later of [300, 3000]) setTimeout(() => updateUnknownCount().catch(() => {}), later);  // they are kept a little later
}

const yours = photo => framed(showBlob(make('img', {alt: 'Your photo'}), photo), 'Your photo');
const withoutAnswer = (photo, why, ...told) => make('article', {className: `card answer alone ${why}`},
  make('div.pair', yours(photo)), make('div.verdict', ...told));

async function answerTo(photo) {
  try {
    const {results: [result], timing_ms: timing} = await ask('POST', '/v1/recognize', photo, {'Content-Type': photo.type});
    $('announce').textContent = result.unknown ? 'Unknown product' : `Recognised: ${result.label}${surely(result)}`;
    return answerCard(photo, result, timing);
  } catch (error) {
    $('announce').textContent = error.message;
    const again = press('Try again', async () => card.replaceWith(await answerTo(photo)));
    const card = withoutAnswer(photo, 'failed', make('span.badge.unknown', 'No answer'),
      make('p', error.message), make('div.row', again));
    return card;
  }
}

function frame(image) {
  const around = make('div.frame', image);
  image.onerror = () => around.classList.add('gone');
  return around;
}

const framed = (image, ...caption) => make('figure', frame(image), make('figcaption', ...caption));
const tileOf = (path, label, text) => make('button.tile', {type: 'button', title: label},
  framed(picture(path, ''), make('strong.clamp', label), text));
const larger = thumbnail => thumbnail.replace('side=160', 'side=320');
const removal = (label, action) => onPress(make('button.icon', {type: 'button', ariaLabel: label}, '✕'), action);

// Where a product is named, those that there are to choose from.
function nameField(value = '') {
  const input = make('input', {required: true, maxLength: 200, autocomplete: 'off', name: 'label', value});
  input.setAttribute('list', 'labels');
  return input;
}
// Of a probability that was learnt, the ends of the scale promise too much.
const chance = share => share < 0.01 ? 'less than 1%' : share > 0.99 ? 'more than 99%' : percent(share);
const surely = ({probability}) => probability === null ? '' : `, ${chance(probability)} sure`;

function answerCard(photo, result, timing) {
  const asked = yours(photo), pair = make('div.pair', asked), verdict = make('div.verdict');
  if (result.unknown) verdict.append(make('span.badge.unknown', 'Unknown'), make('h2.name', 'None of your products'));
  else verdict.append(make('span.badge', 'Recognised'), make('h2.name', result.label));
  if (result.probability !== null)
    verdict.append(make('div.sure',
      make('strong', `${result.unknown ? `Most like ${result.label}, ` : ''}${chance(result.probability)} sure`),
      make('meter', {low: 0.5, high: 0.75, optimum: 1, value: result.probability, ariaLabel: 'How sure the answer is'})));
  else if (result.label !== null)
    verdict.append(make('p.muted', `Likeness ${result.score.toFixed(2)}. How sure that is, \`shoplens calibrate\` can teach.`));
  const card = make('article.card.answer', pair, verdict), nearest = result.neighbours;
  if (nearest.length) {
    const matched = matchButton(photo, pair);
    verdict.append(matched);
    const tiles = nearest.map(n => {
      const tile = tileOf(n.thumbnail, n.label, `likeness ${n.score.toFixed(3)}`);
      tile.onclick = () => {
        for (const other of tiles) other.ariaPressed = other === tile;
        const theirs = picture(`${n.photo}?side=512`, `Catalogue photo of ${n.label}`);
        pair.replaceChildren(asked, framed(theirs, `In your catalogue: ${n.label}`));
        matched.compare(n);
      };
      return tile;
    });
    tiles[0].click();
    card.append(make('div.nearest', make('h3', 'Nearest in your catalogue'),
      make('ul.strip', ...tiles.map(tile => make('li', tile)))));
  }
  verdict.append(correction(photo, result, card));
  const total = Object.values(timing).reduce((sum, ms) => sum + ms, 0);
  verdict.append(make('p.small-print', `Answered in ${total.toFixed(1)} ms, the network took ${timing.network.toFixed(1)}`));
  return card;
}

// Says what the photo really shows, which puts it into the catalogue.
function correction(photo, result, card) {
  const answer = result.unknown ? '' : result.label, input = nameField(answer), go = make('button.primary');
  (input.oninput = () => go.textContent = answer && input.value.trim() === answer ? 'Right, keep the photo' : 'Save that name')();
  const guesses = [...new Set(result.neighbours.map(n => n.label))].filter(label => label !== input.value).slice(0, 3)
    .map(label => press(label, () => { input.value = label; input.oninput(); go.focus(); }, 'chip'));
  if (guesses.length) guesses.unshift(make('span.small-print', 'or'));
  const form = make('form.correct', make('h3', result.unknown ? 'What is it?' : 'Is that right?'), make('div.row',
    make('label.grow', 'It is', input), go), make('div.row.line', ...guesses));
  return onSubmit(form, async () => {
    const label = input.value.trim();
    await addPhotos(label, [photo]);
    const again = press('Ask again', async () => card.replaceWith(await answerTo(photo)));
    const kept = make('p', `Kept as ${label}. From now on it is compared with.`);
    form.replaceWith(make('div.correct', kept, make('div.row', again)));
    again.focus();
    $('announce').textContent = `Kept as ${label}`;
    updateLabels();
  });
}

// ---- what matched: where each picture made the likeness

// Inferno (matplotlib), at every fifth of the way.
const kHeat = [[0, 0, 4], [66, 10, 104], [147, 38, 103], [221, 81, 58], [252, 165, 10], [252, 255, 164]];

function matchButton(photo, pair) {
  const button = make('button', {type: 'button', textContent: 'What matched', ariaPressed: 'false'});
  const row = make('div.row.line', button), told = make('p.small-print', {hidden: true});
  let neighbour;
  row.append(told);
  row.compare = n => {
    neighbour = n;
    button.ariaPressed = 'false';
  };
  onPress(button, async () => {
    pair.querySelectorAll('canvas').forEach(canvas => canvas.remove());
    if (button.ariaPressed === 'true') return button.ariaPressed = 'false';
    try {
      const path = `/v1/explain?item=${neighbour.id}`;
      const maps = await ask('POST', path, photo, {'Content-Type': photo.type}), frames = pair.querySelectorAll('.frame');
      [maps.photo, maps.item].forEach((map, i) => frames[i].append(heatMap(frames[i].firstChild, map)));
      button.ariaPressed = 'true';
      told.textContent = 'Bright parts made the likeness.';
    } catch (error) {
      if (error.code !== 'not_found' && error.status !== 501) throw error;
      told.textContent = 'This server cannot show what matched.';
    }
    told.hidden = false;
  });
  return row;
}

// A canvas to lay over the image: the heat, bilinear between the centres of its cells, in the window that the network saw.
function heatMap(image, {rows, columns, window: [x0, y0, x1, y1], heat}) {
  const canvas = make('canvas', {role: 'img', ariaLabel: 'What matched'});
  const scale = 360 / Math.max(image.naturalWidth, image.naturalHeight, 1);
  canvas.width = Math.max(1, image.naturalWidth * scale);
  canvas.height = Math.max(1, image.naturalHeight * scale);
  const left = Math.round(x0 * canvas.width), width = Math.max(1, Math.round(x1 * canvas.width) - left);
  const top = Math.round(y0 * canvas.height), height = Math.max(1, Math.round(y1 * canvas.height) - top);
  const clamped = (value, most) => Math.min(Math.max(value, 0), most);
  const along = (i, size, cells) => {  // the cells on both sides of a pixel, and how far it is from the first
    const at = clamped((i + 0.5) / size * cells - 0.5, cells - 1), low = Math.floor(at);
    return [low, Math.min(low + 1, cells - 1), at - low];
  };
  const pixels = new ImageData(width, height);
  for (let y = 0; y < height; ++y) {
    const [up, down, dy] = along(y, height, rows);
    for (let x = 0; x < width; ++x) {
      const [west, east, dx] = along(x, width, columns);
      const mix = row => heat[row * columns + west] * (1 - dx) + heat[row * columns + east] * dx;
      const value = clamped(mix(up) * (1 - dy) + mix(down) * dy, 1), step = clamped(Math.floor(5 * value), 4);
      const colour = kHeat[step].map((from, i) => from + (kHeat[step + 1][i] - from) * (5 * value - step));
      pixels.data.set([...colour, 40 + 170 * value], 4 * (y * width + x));
    }
  }
  canvas.getContext('2d').putImageData(pixels, left, top);
  return canvas;
}

// ---- catalogue

const kShown = 120;
let labels = [], shown = kShown;

async function updateLabels() {
  labels = (await ask('GET', '/v1/labels')).labels;
  $('labels').replaceChildren(...labels.slice(0, 2000).map(({label}) => make('option', {value: label})));
  $('empty-catalogue').hidden = labels.length > 0;
}

async function showCatalogue() {
  await updateLabels();
  showProducts();
}

function showProducts() {
  const wanted = $('search').value.trim(), found = labels.filter(({label}) => label.toLowerCase().includes(wanted.toLowerCase()));
  const photos = labels.reduce((sum, {photos}) => sum + photos, 0);
  const hits = wanted ? `; ${found.length.toLocaleString('en')} found` : '';
  $('total').textContent = `${many(labels.length, 'product')}, ${many(photos, 'photo')}${hits}`;
  const focused = $('products').contains(document.activeElement);
  $('products').replaceChildren(...found.slice(0, shown).map(({label, photos, thumbnail}) =>
    onPress(tileOf(larger(thumbnail), label, many(photos, 'photo')), () => showProduct(label))));
  if (!labels.length) $('products').append(nothing('No products yet', 'A few photos of each product are all that it needs.'));
  else if (!found.length) $('products').append(nothing(`No product is called “${wanted}”`, 'Try a part of its name.'));
  if (found.length > shown)
    $('products').append(make('div.row.centre.more', press('Show more', () => { shown += kShown; showProducts(); })));
  if (focused) $('search').focus();
}

async function showProduct(label) {
  const {items} = await ask('GET', `/v1/items?limit=200&label=${encodeURIComponent(label)}`);
  $('product-name').textContent = label;
  $('product-photos').textContent = many(labels.find(known => known.label === label)?.photos ?? items.length, 'photo');
  $('rename').elements.name.value = label;
  $('photos').replaceChildren(...items.map((item, i) => make('li',
    frame(picture(larger(item.thumbnail), `Photo ${i + 1} of ${label}`)), removal(`Remove photo ${i + 1}`, async () => {
      const why = `Photos like it may be recognised less well as ${label}.`;
      if (!await confirmed('Remove this photo?', why, 'Remove photo')) return;
      await ask('DELETE', `/v1/items/${item.id}`);
      await showCatalogue();
      items.length > 1 ? await showProduct(label) : $('product').close();
      say('Photo removed');
    }))));
  if (!$('product').open) $('product').showModal();
}

$('search').oninput = () => { shown = kShown; showProducts(); };
// What opened it may be gone, and the focus with it.
$('product').onclose = () => document.activeElement === document.body && $('search').focus();
$('more-photos').onclick = () => showAdd($('product-name').textContent, []);
$('add-product').onclick = $('first-product').onclick = () => showAdd('', []);

onSubmit($('rename'), async () => {
  const from = $('product-name').textContent, to = $('rename').elements.name.value.trim();
  if (from === to) return;
  const why = `There is a product of that name. The photos of both will be its photos, and ${from} is gone.`;
  if (labels.some(({label}) => label === to) && !await confirmed(`Make it one with ${to}?`, why, 'Make them one')) return;
  const {merged} = await ask('PUT', `/v1/labels/${encodeURIComponent(from)}`, {name: to});
  await showCatalogue();
  await showProduct(to);
  say(merged ? `Now one with ${to}` : `Renamed to ${to}`);
});

onPress($('remove-product'), async () => {
  const label = $('product-name').textContent;
  const why = 'All its photos leave the catalogue, and it is recognised no more. That cannot be undone.';
  if (!await confirmed(`Remove ${label}?`, why, 'Remove product')) return;
  await ask('DELETE', `/v1/labels/${encodeURIComponent(label)}`);
  $('product').close();
  await showCatalogue();
  say(`${label} removed`);
});

// ---- adding

let picked = [];

function showAdd(label, photos) {
  $('add-form').reset();
  $('add-title').textContent = label ? 'Add photos' : 'Add a product';
  $('add-form').elements.label.value = label;
  picked = [];
  pick(photos);
  if (!$('add').open) $('add').showModal();
}

function pick(photos) {
  picked.push(...photos);
  $('picked').hidden = !picked.length;
  $('picked').replaceChildren(...picked.map((photo, i) => {
    const name = photo.name || `photo ${i + 1}`, out = () => { picked.splice(i, 1); pick([]); $('add-photos').focus(); };
    return make('li', frame(showBlob(make('img', {alt: name}), photo)), removal(`Leave out ${name}`, out));
  }));
  $('add-go').textContent = picked.length ? `Add ${many(picked.length, 'photo')}` : 'Add to catalogue';
}

// Parts of at most so many files and bytes, as requests have their limits.
function parts(files, most, bytes) {
  const list = [];
  let size = Infinity;
  for (const file of files) {
    if (size + file.size > bytes || list.at(-1).length === most) {
      list.push([]);
      size = 0;
    }
    list.at(-1).push(file);
    size += file.size;
  }
  return list;
}

async function addPhotos(label, photos) {
  const sum = {added: 0, existing: 0};
  for (const part of parts(photos, 8, 16e6)) {
    const form = new FormData();
    form.append('label', label);
    for (const photo of part) form.append('photo', photo, photo.name || 'photo');
    const {added, existing} = await ask('POST', '/v1/items', form);
    sum.added += added;
    sum.existing += existing;
  }
  return sum;
}

onSubmit($('add-form'), async () => {
  if (!picked.length) throw new Error('Choose at least one photo of it.');
  const label = $('add-form').elements.label.value.trim();
  const {added, existing} = await addPhotos(label, picked);
  $('add').close();
  if (shownSection() !== 'catalogue') open('catalogue');
  await showCatalogue();
  if ($('product').open) await showProduct(label);
  say(`${many(added, 'photo')} of ${label} added${existing ? `, ${existing} there already` : ''}`);
});

// ---- a folder of products

$('folder').onchange = event => {
  const files = [...event.target.files].filter(file => file.type.startsWith('image/'));
  event.target.value = '';
  if (files.length) attempt($('folder').parentElement, () => importFolder(files));
  else say('That folder has no photos: a folder for each product, with its photos in it, is what it needs.', true);
};

async function importFolder(files) {
  const bar = make('progress', {max: files.length, value: 0, ariaLabel: 'Import'}), line = make('p'), failed = make('ul');
  let stopped = false, done = 0, added = 0, lost = 0;
  const cancel = press('Stop', () => stopped = true);
  $('import').replaceChildren(make('div.row.spread.line', line, cancel), bar, failed);
  $('import').hidden = false;
  try {
    for (const part of parts(files, 100, 15e6)) {
      if (stopped) break;
      line.textContent = `Sending photos ${done + 1} to ${done + part.length} of ${files.length}`;
      const form = new FormData();
      for (const file of part) form.append('photo', file, file.webkitRelativePath.split('/').slice(-2).join('/'));
      let state = await ask('POST', '/v1/imports', form);
      const running = `/v1/imports/${state.id}`;
      for (; ['waiting', 'running'].includes(state.state); state = await ask('GET', running)) {
        bar.value = done + state.done;
        line.textContent = `${bar.value} of ${many(files.length, 'photo')}, ${added + state.added} added`;
        if (stopped) await ask('DELETE', running).catch(() => {});  // it may have ended by itself
        await new Promise(resolve => setTimeout(resolve, 400));
      }
      added += state.added;
      bar.value = done += part.length;
      lost += state.failed;
      failed.append(...state.errors.map(({name, message}) => make('li', `${name}: ${message}`)));
      if (state.state === 'failed') throw new Error(state.message);
      stopped ||= state.state === 'cancelled';
    }
    line.textContent = `${stopped ? 'Stopped' : 'Done'}: ${many(added, 'photo')} added${lost ? `, ${lost} could not be` : ''}`;
    say(line.textContent);
  } catch (error) {
    line.textContent = error.status === 404 ? 'This server takes no folders: add products one by one.' : error.message;
  }
  cancel.replaceWith(press('Close', () => $('import').hidden = true));
  await showCatalogue();
}

// ---- unknown photos

async function updateUnknownCount() {
  const {unknowns} = await ask('GET', '/v1/unknowns');
  $('unknown-count').textContent = unknowns.length;
  $('unknown-count').hidden = unknowns.length === 0;
  return unknowns;
}

async function showUnknowns() {
  await updateLabels();
  const unknowns = await updateUnknownCount();
  $('unknowns').replaceChildren(...unknowns.map(unknownCard));
  if (!unknowns.length)
    $('unknowns').append(nothing('Nothing waits for a name', 'Photos that fit none of your products gather here.'));
}

function unknownCard({id, time, answer, thumbnail}) {
  const input = nameField(), date = new Date(time * 1000);
  const about = make('div.verdict', make('p.small-print', make('time', {dateTime: date.toISOString()},
    date.toLocaleString([], {dateStyle: 'medium', timeStyle: 'short'}))));
  const take = () => { input.value = answer.label; input.focus(); };
  if (answer?.label) about.append(make('p.muted', 'Most like'), press(answer.label, take, 'chip'));
  const settle = async text => { await showUnknowns(); $('unknown').focus(); say(text); };
  const form = make('form', make('label', 'It is', input), make('div.row.spread',
    press('Discard', async () => { await ask('DELETE', `/v1/unknowns/${id}`); await settle('Discarded'); }, 'quiet'),
    make('button.primary', 'Add to catalogue')));
  onSubmit(form, async () => {
    const label = input.value.trim();
    await ask('POST', `/v1/unknowns/${id}`, {label});
    await settle(`Added to ${label}`);
  });
  return make('article.card.waiting', frame(picture(larger(thumbnail), 'Unknown photo')), about, form);
}

// ---- figures

// Of Prometheus text: [{name, labels: {key: word}, value}].
function samples(text) {
  const words = inner => Object.fromEntries([...inner.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, word]) => [key, word]));
  return [...text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)].map(([, name, inner = '', value]) =>
    ({name, labels: words(inner), value: Number(value)}));
}

const kStages = ['wait', 'read', 'decode', 'resize', 'queue', 'network', 'search'], kKept = 60, kWide = 320;
let past = [];  // {time, photos}, the latest last

function duration(seconds) {
  if (seconds >= 1) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  return `${(1000 * seconds).toFixed(seconds < 0.01 ? 1 : 0)} ms`;
}

// How far the scores of late are from those of the calibration (population stability index).
function strangeness(drift, photos) {
  if (drift === undefined) return 'not learnt';
  if (!photos) return '–';
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
    'Photos look': strangeness(of('score_drift')[0]?.value, photos),
    'Network': status.model.arch,
  };
  $('numbers').replaceChildren(...Object.entries(rows).map(row => make('div', make('dt', row[0]), make('dd', row[1]))));
  const buckets = of('request_seconds_bucket', {route: 'POST /v1/recognize'})
    .map(({labels, value}) => ({to: Number(labels.le.replace('+Inf', 'Infinity')), count: value}));
  const mean = stage => of('stage_seconds_sum', {stage})[0]?.value / of('stage_seconds_count', {stage})[0]?.value || 0;
  $('charts').replaceChildren(rateChart(), latencyChart(buckets), stageChart(kStages.map(stage => ({stage, mean: mean(stage)}))));
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

setInterval(() => { if (!$('figures').hidden && !document.hidden) showFigures().catch(() => {}); }, 2000);

// ---- token

let tokenDeclined = false;  // who closed the dialogue is not asked again and again

function signIn() {
  $('sign-in').hidden = false;
  if (!$('token').open) $('token').showModal();
}

$('sign-in').onclick = signIn;
$('token').onclose = () => tokenDeclined = !sessionStorage.getItem('token');
$('sign-in').hidden = !sessionStorage.getItem('token');
onSubmit($('token-form'), async () => {
  const {token} = $('token-form').elements, before = sessionStorage.getItem('token');
  sessionStorage.setItem('token', token.value.trim());
  try {
    await updateLabels();
  } catch (error) {
    before ? sessionStorage.setItem('token', before) : sessionStorage.removeItem('token');
    throw error.status === 401 ? new Error('The server does not know that token.') : error;
  }
  $('token-form').reset();
  $('token').close();
  open(shownSection());
  updateUnknownCount();
});

open(sections.includes(location.hash.slice(1)) ? location.hash.slice(1) : 'recognize');
updateLabels().then(updateUnknownCount).catch(() => {});
