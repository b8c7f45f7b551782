// SPDX-License-Identifier: Apache-2.0
// What people are told and asked, and what they start.
import {$, make} from './elements.js';

let toastTimer;
export function say(text, bad = false) {
  const toast = $('toast');
  ([...document.querySelectorAll('dialog[open]')].at(-1) ?? document.body).append(toast);  // above it, and heard
  toast.textContent = text;
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
