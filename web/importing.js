// SPDX-License-Identifier: Apache-2.0
// A folder of products, each a folder of its photos.
import {parts, thereAlready} from './adding.js';
import {showCatalogue} from './catalogue.js';
import {$, many} from './elements.js';
import {showJob} from './jobs.js';
import {ask} from './server.js';
import {attempt, say} from './telling.js';

$('folder').onchange = event => {
  const files = [...event.target.files].filter(file => file.type.startsWith('image/'));
  event.target.value = '';
  if (files.length) attempt($('folder').parentElement, () => importFolder(files));
  else say('That folder has no photos: a folder for each product, with its photos in it, is what it needs.', true);
};

async function importFolder(files) {
  const job = showJob($('import'), 'Import');
  let done = 0, lost = 0;
  const counts = {added: 0, existing: 0, relabelled: 0};
  try {
    const {limits} = await ask('GET', '/v1/status');
    for (const part of parts(files, 100, Math.min(15e6, 0.95 * limits.upload_bytes))) {
      if (job.stopped) break;
      job.tell(`Sending photos ${done + 1} to ${done + part.length} of ${files.length}`, done / files.length);
      const form = new FormData();
      for (const file of part) form.append('photo', file, file.webkitRelativePath.split('/').slice(-2).join('/'));
      const state = await job.follow('/v1/imports', await ask('POST', '/v1/imports', form), now => job.tell(
        `${done + now.done} of ${many(files.length, 'photo')}, ${counts.added + now.added} added`, (done + now.done) / files.length));
      done += state.done;
      for (const what in counts) counts[what] += state[what];
      lost += state.failed;
      if (state.state === 'failed') throw new Error(state.message);
    }
    const ended = done < files.length ? 'Stopped' : 'Done', failed = lost ? `, ${lost} could not be` : '';
    const text = `${ended}: ${many(counts.added, 'photo')} added${thereAlready(counts)}${failed}`;
    job.end(text);
    say(text);
  } catch (error) {
    job.end(error.message);
  }
  await showCatalogue();
}
