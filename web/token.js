// SPDX-License-Identifier: Apache-2.0
// The token that a server may ask for.
import {updateLabels} from './catalogue.js';
import {$} from './elements.js';
import {open, shownSection} from './sections.js';
import {onSubmit} from './telling.js';
import {updateUnknownCount} from './unknown.js';

let declined = false;  // who closed the dialogue is not asked again and again

function signIn() {
  $('sign-in').hidden = false;
  if (!$('token').open) $('token').showModal();
}

$('sign-in').onclick = signIn;
addEventListener('unauthorized', () => declined || signIn());
$('token').onclose = () => declined = !sessionStorage.getItem('token');
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
