// SPDX-License-Identifier: Apache-2.0
// What people are told and asked, and what they start.
import {$, make} from './elements.js';

// Heard are texts that change where a screen reader has seen a live region before: one of each kind in the page and in
// each dialog, as an open one makes all else silent.
const kRegions = {false: 'status', true: 'alert'};
for (const host of [document.body, ...document.querySelectorAll('dialog')])
  for (const role of Object.values(kRegions)) {
    const region = make('p.unseen');
    region.setAttribute('role', role);
    host.append(region);
  }

let toastTimer;
export function say(text, bad = false) {
  const toast = $('toast'), host = [...document.querySelectorAll('dialog[open]')].at(-1) ?? document.body;
  host.append(toast);  // above it
  toast.textContent = text;
  const region = host.querySelector(`:scope > .unseen[role=${kRegions[bad]}]:not([id])`);
  region.textContent = '';
  setTimeout(() => region.textContent = text, 50);  // so that the same text is told again
  toast.classList.toggle('bad', bad);
  toast.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => toast.hidden = true, bad ? 8000 : 4000);
}

// Runs what a press or a form starts: one at a time, and its failure is told.
export async function attempt(element, action) {
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

export const onPress = (element, action) => { element.onclick = () => attempt(element, action); return element; };
export const press = (text, action, className = '') => onPress(make('button', {type: 'button', textContent: text, className}), action);
export const removal = (label, action) => onPress(make('button.icon', {type: 'button', ariaLabel: label}, '✕'), action);
export const onSubmit = (form, action) => { form.onsubmit = event => { event.preventDefault(); attempt(form, action); }; return form; };

export function confirmed(title, text, yes) {
  const dialog = $('sure');
  $('sure-title').textContent = title;
  $('sure-text').textContent = text;
  $('sure-yes').textContent = yes;
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise(resolve => dialog.onclose = () => resolve(dialog.returnValue === 'yes'));
}
