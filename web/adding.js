// SPDX-License-Identifier: Apache-2.0
// Photos that join the catalogue.
import {showCatalogue, showProduct} from './catalogue.js';
import {$, make, many} from './elements.js';
import {frame, showBlob} from './pictures.js';
import {open, shownSection} from './sections.js';
import {ask} from './server.js';
import {onSubmit, removal, say} from './telling.js';

let picked = [];

export function showAdd(label, photos) {
  $('add-form').reset();
  $('add-title').textContent = label ? 'Add photos' : 'Add a product';
  $('add-form').elements.label.value = label;
  picked = [];
  pick(photos);
  if (!$('add').open) $('add').showModal();
}

export function pick(photos) {
  picked.push(...photos);
  $('picked').hidden = !picked.length;
  $('picked').replaceChildren(...picked.map((photo, i) => {
    const name = photo.name || `photo ${i + 1}`, out = () => { picked.splice(i, 1); pick([]); $('add-photos').focus(); };
    return make('li', frame(showBlob(make('img', {alt: name}), photo)), removal(`Leave out ${name}`, out));
  }));
  $('add-go').textContent = picked.length ? `Add ${many(picked.length, 'photo')}` : 'Add to catalogue';
}

// Parts of at most so many files and bytes, as requests have their limits.
export function parts(files, most, bytes) {
  const list = [];
  let size = Infinity;
  for (const file of files) {
    if (size + file.size > bytes || list.at(-1).length === most) {
      list.push([]);
      size = 0;
    }
    list.at(-1).push(file);
    size += file.size;
  }
  return list;
}

export async function addPhotos(label, photos) {
  const sum = {added: 0, existing: 0, relabelled: 0}, {limits} = await ask('GET', '/v1/status');
  let done = 0;
  try {
    for (const part of parts(photos, Math.min(8, limits.photos), Math.min(16e6, 0.95 * limits.photos_bytes))) {
      const form = new FormData();
      form.append('label', label);
      for (const photo of part) form.append('photo', photo, photo.name || 'photo');
      const answer = await ask('POST', '/v1/items', form);
      for (const what in sum) sum[what] += answer[what];
      done += part.length;
    }
  } catch (error) {
    if (done) error.message = `${done} of ${many(photos.length, 'photo')} were kept, then: ${error.message}`;
    throw error;
  }
  return sum;
}

// What became of photos that were in the catalogue before; what was said last holds.
export const thereAlready = ({existing, relabelled}) => (existing ? `, ${existing} there already` : '') +
  (relabelled ? `, ${relabelled} of them under another name until now` : '');

onSubmit($('add-form'), async () => {
  if (!picked.length) throw new Error('Choose at least one photo of it.');
  const label = $('add-form').elements.label.value.trim();
  const counts = await addPhotos(label, picked);
  $('add').close();
  if (shownSection() !== 'catalogue') open('catalogue');
  await showCatalogue();
  if ($('product').open) await showProduct(label);
  say(`${many(counts.added, 'photo')} of ${label} added${thereAlready(counts)}`);
});

$('more-photos').onclick = () => showAdd($('product-name').textContent, []);
$('add-product').onclick = $('first-product').onclick = () => showAdd('', []);
