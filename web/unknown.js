// SPDX-License-Identifier: Apache-2.0
// Photos that none of the products fitted.
import {nameField, updateLabels} from './catalogue.js';
import {$, make, nothing} from './elements.js';
import {frame, larger, picture} from './pictures.js';
import {onOpen} from './sections.js';
import {ask} from './server.js';
import {onSubmit, press, say} from './telling.js';

export async function updateUnknownCount() {
  const {unknowns} = await ask('GET', '/v1/status');
  $('unknown-count').textContent = unknowns;
  $('unknown-count').hidden = !unknowns;
}

async function showUnknowns() {
  const [{unknowns}] = await Promise.all([ask('GET', '/v1/unknowns'), updateLabels(), updateUnknownCount()]);
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
