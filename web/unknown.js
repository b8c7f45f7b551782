// SPDX-License-Identifier: Apache-2.0
// Photos that none of the products fitted.
import {nameField, updateLabels} from './catalogue.js';
import {$, make, nothing} from './elements.js';
import {frame, larger, picture} from './pictures.js';
import {onOpen} from './sections.js';
import {ask} from './server.js';
import {onSubmit, press, say} from './telling.js';

const kPhotos = 100;  // at a time

export async function updateUnknownCount() {
  const {unknowns} = await ask('GET', '/v1/status');
  $('unknown-count').textContent = unknowns;
  $('unknown-count').hidden = !unknowns;
}

async function showUnknowns() {
  const [page] = await Promise.all([unknownsAfter(0), updateLabels(), updateUnknownCount()]);
  $('unknowns').replaceChildren();
  appendUnknowns(page);
  if (!page.unknowns.length)
    $('unknowns').append(nothing('Nothing waits for a name', 'Photos that fit none of your products gather here.'));
}

const unknownsAfter = after => ask('GET', `/v1/unknowns?limit=${kPhotos}&after=${after}`);

function appendUnknowns({unknowns, next_after: next}) {
  const cards = unknowns.map(unknownCard);
  $('unknowns').append(...cards);
  const more = press('Show more', async () => {
    const page = await unknownsAfter(next);
    if (!more.isConnected) return;  // all are shown anew meanwhile
    appendUnknowns(page)?.querySelector('input').focus();
  });
  $('unknowns-more').replaceChildren(...next ? [more] : []);
  return cards[0];
}

function unknownCard({id, time, answer, thumbnail}) {
  const input = nameField(), date = new Date(time * 1000);
  const about = make('div.verdict', make('p.small-print', make('time', {dateTime: date.toISOString()},
    date.toLocaleString([], {dateStyle: 'medium', timeStyle: 'short'}))));
  const take = () => { input.value = answer.label; input.focus(); };
  if (answer?.label) about.append(make('p.muted', 'Most like'), press(answer.label, take, 'chip'));
  // The others stay as they are, with what was typed there.
  const settle = async text => {
    card.remove();
    await ($('unknowns').children.length ? Promise.all([updateLabels(), updateUnknownCount()]) : showUnknowns());
    $('unknown').focus();
    say(text);
  };
  const form = make('form', make('label', 'It is', input), make('div.row.spread',
    press('Discard', async () => { await ask('DELETE', `/v1/unknowns/${id}`); await settle('Discarded'); }, 'quiet'),
    make('button.primary', 'Add to catalogue')));
  onSubmit(form, async () => {
    const label = input.value.trim();
    const {relabelled} = await ask('POST', `/v1/unknowns/${id}`, {label});
    await settle(`Added to ${label}${relabelled ? ', no longer under its other name' : ''}`);
  });
  const card = make('article.card.waiting', frame(picture(larger(thumbnail), 'Unknown photo')), about, form);
  return card;
}

onOpen('unknown', showUnknowns);
