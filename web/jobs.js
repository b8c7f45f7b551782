// SPDX-License-Identifier: Apache-2.0
// Work that the server goes on with after its request: how far it is, and a way to stop it.
import {make} from './elements.js';
import {ask} from './server.js';
import {press} from './telling.js';

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
      for (; ['waiting', 'running'].includes(state.state); state = await ask(job.stopped ? 'DELETE' : 'GET', `${path}/${state.id}`)) {
        progress(state);
        await new Promise(resolve => setTimeout(resolve, 400));
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
