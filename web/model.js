// SPDX-License-Identifier: Apache-2.0
// What admins may: give the catalogue another model, and take all of it home.
import {$, make, many} from './elements.js';
import {showJob} from './jobs.js';
import {ask, request} from './server.js';
import {attempt, confirmed, onPress, say} from './telling.js';

const kPath = '/v1/upgrades';
const button = $('model-file').parentElement;

export async function showModel() {
  let admin = true;
  try {
    const [latest] = (await ask('GET', kPath)).jobs;  // begun before the page was, perhaps
    if (['waiting', 'running'].includes(latest?.state)) attempt(button, () => follow(showUpgrade(), latest));
  } catch (error) {
    admin = ![401, 403].includes(error.status);
    if (admin) throw error;
  } finally {
    $('model-may').hidden = !admin;
    $('model-told').textContent = admin ? 'Another model.onnx takes over once it has embedded every photo. Until then the present one answers.' :
      'To upgrade the model or to download a snapshot, sign in with the token of an admin.';
  }
}

const showUpgrade = () => showJob($('upgrade'), 'Upgrade');

async function upgrade(file) {
  const why = 'It embeds every photo anew, which may take long, and then answers in place of the present one.';
  if (!await confirmed(`Upgrade to ${file.name}?`, why, 'Upgrade')) return;
  const job = showUpgrade();
  job.tell(`Sending ${file.name}`);
  try {
    await follow(job, await ask('POST', kPath, file, {'Content-Type': 'application/octet-stream'}));
  } catch (error) {
    job.end(error.status === 422 ? `${file.name} is no model of shoplens: send what \`shoplens export\` wrote.` : error.message);
  }
}

async function follow(job, begun) {
  const {state, failed, message} = await job.follow(kPath, begun, ({done, total}) =>
    job.tell(`${done.toLocaleString('en')} of ${many(total, 'photo')} embedded`, total ? done / total : 0));
  const stays = failed ? `${many(failed, 'photo')} could not be read: add again or remove what is listed, then upgrade again.` : message;
  const text = state === 'done' ? 'Upgraded. Calibrate again: how sure answers are was learnt with the model before.' :
    `The model stays. ${state === 'failed' ? stays : 'The upgrade was stopped.'}`;
  job.end(text);
  say(text);
}

$('model-file').onchange = event => {
  const [file] = event.target.files;
  event.target.value = '';
  if (file) attempt(button, () => upgrade(file));
};

onPress($('snapshot'), async () => {
  const href = URL.createObjectURL(await (await request('GET', '/v1/snapshot')).blob());
  make('a', {href, download: 'gallery.db'}).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
});
