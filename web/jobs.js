// SPDX-License-Identifier: Apache-2.0
// Work that the server goes on with after its request: how far it is, and a way to stop it.
import {make} from './elements.js';
import {ask} from './server.js';
import {press} from './telling.js';

const kPoll = 1000, kTries = 10;  // ms; how often a server that has too much to do is asked again

// The server goes on with a job whether it is asked about it or not.
async function patiently(...what) {
  for (let tries = 0;; ++tries) {
    try {
      return await ask(...what);
    } catch (error) {
      if (![undefined, 429, 503].includes(error.status) || tries === kTries) throw error;
      await new Promise(resolve => setTimeout(resolve, kPoll * (1 + tries)));
    }
  }
}

export function showJob(card, name) {
  const bar = make('progress', {ariaLabel: name}), line = make('p'), failed = make('ul');
  const stop = press('Stop', () => job.stopped = true), close = press('Close', () => card.hidden = true);
  card.replaceChildren(make('div.row.spread.line', line, stop), bar, failed);
  card.hidden = false;
  const job = {
    stopped: false,
    tell(text, share) {
      line.textContent = text;
      share === undefined ? bar.removeAttribute('value') : bar.value = share;
    },
    // Its last state, also when it was stopped.
    async follow(path, state, progress) {
      for (; ['waiting', 'running'].includes(state.state); state = await patiently(job.stopped ? 'DELETE' : 'GET', `${path}/${state.id}`)) {
        progress(state);
        await new Promise(resolve => setTimeout(resolve, kPoll));
      }
      failed.append(...state.errors.map(({name, message}) => make('li', `${name}: ${message}`)));
      return state;
    },
    end(text) {
      line.textContent = text;
      bar.remove();
      stop.replaceWith(close);
    },
  };
  return job;
}
