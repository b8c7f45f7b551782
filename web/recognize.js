// SPDX-License-Identifier: Apache-2.0
import {addPhotos} from './adding.js';
import {nameField, updateLabels} from './catalogue.js';
import {$, make, percent} from './elements.js';
import {matchButton} from './heat.js';
import {framed, picture, showBlob, tileOf} from './pictures.js';
import {ask} from './server.js';
import {onSubmit, press} from './telling.js';
import {updateUnknownCount} from './unknown.js';

let batch;  // the latest photos: those before are not asked about any more

export async function recognize(photos) {
  batch = photos;
  $('drop').classList.add('slim');
  const cards = photos.map(photo => withoutAnswer(photo, 'wait', make('p.muted', 'Looking…')));
  $('answer').replaceChildren(...cards);
  $('announce').textContent = 'Looking…';
  for (const [i, photo] of photos.entries()) {
    const card = await answerTo(photo, photos.length > 1 ? `Photo ${i + 1} of ${photos.length}: ` : '');
    if (batch !== photos) return;
    cards[i].replaceWith(card);
  }
  for (const later of [300, 3000]) setTimeout(() => updateUnknownCount().catch(() => {}), later);  // they are kept a little later
}

const yours = photo => framed(showBlob(make('img', {alt: 'Your photo'}), photo), 'Your photo');
const withoutAnswer = (photo, why, ...told) => make('article', {className: `card answer alone ${why}`},
  make('div.pair', yours(photo)), make('div.verdict', ...told));

async function answerTo(photo, which = '') {
  try {
    const {results: [result], timing_ms: timing} = await ask('POST', '/v1/recognize', photo, {'Content-Type': photo.type});
    $('announce').textContent = which + (result.unknown ? 'Unknown product' : `Recognised: ${result.label}${surely(result)}`);
    return answerCard(photo, result, timing);
  } catch (error) {
    $('announce').textContent = which + error.message;
    const again = press('Try again', () => askAgain(card, photo));
    const card = withoutAnswer(photo, 'failed', make('span.badge.unknown', 'No answer'),
      make('p', error.message), make('div.row', again));
    return card;
  }
}

// Whoever pressed for it finds the answer where they were.
async function askAgain(card, photo) {
  const next = await answerTo(photo), here = card.contains(document.activeElement);
  card.replaceWith(next);
  next.tabIndex = -1;
  if (here) next.focus();
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
    const {relabelled} = await addPhotos(label, [photo]);
    const again = press('Ask again', () => askAgain(card, photo));
    const kept = make('p', `Kept as ${label}${relabelled ? ', no longer under its other name' : ''}. From now on it is compared with.`);
    form.replaceWith(make('div.correct', kept, make('div.row', again)));
    again.focus();
    $('announce').textContent = `Kept as ${label}`;
    updateLabels();
  });
}
