// SPDX-License-Identifier: Apache-2.0
import {$, make, many, nothing} from './elements.js';
import {frame, larger, picture, tileOf} from './pictures.js';
import {onOpen} from './sections.js';
import {ask} from './server.js';
import {confirmed, onPress, onSubmit, press, removal, say} from './telling.js';

const kShown = 120, kPhotos = 200;  // products at a time; photos of one
const kByName = new Intl.Collator(undefined, {numeric: true});
let labels = [], shown = kShown;

export async function updateLabels() {
  const all = [];
  for (let after = 0; after !== null;) {
    const page = await ask('GET', `/v1/labels?limit=1000&after=${after}`);
    all.push(...page.labels);
    after = page.next_after;
  }
  labels = all.sort((a, b) => kByName.compare(a.label, b.label));
  $('labels').replaceChildren(...labels.slice(0, 2000).map(({label}) => make('option', {value: label})));
  $('empty-catalogue').hidden = labels.length > 0;
}

// Where a product is named, those that there are to choose from.
export function nameField(value = '') {
  const input = make('input', {required: true, maxLength: 200, autocomplete: 'off', name: 'label', value});
  input.setAttribute('list', 'labels');
  return input;
}

export async function showCatalogue() {
  await updateLabels();
  showProducts();
}

function showProducts() {
  const wanted = $('search').value.trim(), found = labels.filter(({label}) => label.toLowerCase().includes(wanted.toLowerCase()));
  const photos = labels.reduce((sum, {photos}) => sum + photos, 0);
  const hits = wanted ? `; ${found.length.toLocaleString('en')} found` : '';
  $('total').textContent = `${many(labels.length, 'product')}, ${many(photos, 'photo')}${hits}`;
  const focused = $('products').contains(document.activeElement);
  $('products').replaceChildren(...found.slice(0, shown).map(({label, photos, thumbnail}) =>
    onPress(tileOf(larger(thumbnail), label, many(photos, 'photo')), () => showProduct(label))));
  if (!labels.length) $('products').append(nothing('No products yet', 'A few photos of each product are all that it needs.'));
  else if (!found.length) $('products').append(nothing(`No product is called “${wanted}”`, 'Try a part of its name.'));
  if (found.length > shown)
    $('products').append(make('div.row.centre.more', press('Show more', showMore)));
  if (focused) $('search').focus();
}

function showMore() {
  const first = shown;
  shown += kShown;
  showProducts();
  $('products').children[first].focus();
}

let product;  // whose photos are shown, or asked for

export async function showProduct(label) {
  product = label;
  const page = await photosOf(label, 0);
  if (product !== label) return;  // another was asked for meanwhile
  $('product-name').textContent = label;
  $('rename').elements.name.value = label;
  $('photos').replaceChildren();
  appendPhotos(label, page);
  tellCount(label);
  if (!$('product').open) $('product').showModal();
}

const photosOf = (label, after) => ask('GET', `/v1/items?limit=${kPhotos}&after=${after}&label=${encodeURIComponent(label)}`);

function tellCount(label) {
  $('product-photos').textContent = many(labels.find(known => known.label === label)?.photos ?? $('photos').children.length, 'photo');
}

function appendPhotos(label, {items, next_after: next}) {
  const first = $('photos').children.length;
  $('photos').append(...items.map((item, i) => {
    const name = first + i + 1, remove = removal(`Remove photo ${name}`, () => removePhoto(label, item.id, entry));
    const entry = make('li', frame(picture(larger(item.thumbnail), `Photo ${name} of ${label}`)), remove);
    return entry;
  }));
  $('product-more').replaceChildren(...next ? [press('Show more', async () => {
    const page = await photosOf(label, next), shown = $('photos').children.length;
    if (product !== label) return;
    appendPhotos(label, page);
    $('photos').children[shown]?.querySelector('button').focus();
  })] : []);
}

async function removePhoto(label, id, entry) {
  const why = `Photos like it may be recognised less well as ${label}.`;
  if (!await confirmed('Remove this photo?', why, 'Remove photo')) return;
  await ask('DELETE', `/v1/items/${id}`);
  await showCatalogue();
  const near = entry.nextElementSibling ?? entry.previousElementSibling;
  entry.remove();
  if (near) {
    near.querySelector('button').focus();
    tellCount(label);
  } else {
    $('product-more').firstChild ? await showProduct(label) : $('product').close();
  }
  say('Photo removed');
}

$('search').oninput = () => { shown = kShown; showProducts(); };
// What opened it may be gone, and the focus with it.
$('product').onclose = () => document.activeElement === document.body && $('search').focus();

onSubmit($('rename'), async () => {
  const from = $('product-name').textContent, to = $('rename').elements.name.value.trim();
  if (from === to) return;
  const why = `There is a product of that name. The photos of both will be its photos, and ${from} is gone.`;
  if (labels.some(({label}) => label === to) && !await confirmed(`Make it one with ${to}?`, why, 'Make them one')) return;
  const {merged} = await ask('PUT', `/v1/labels/${encodeURIComponent(from)}`, {name: to});
  await showCatalogue();
  await showProduct(to);
  say(merged ? `Now one with ${to}` : `Renamed to ${to}`);
});

onPress($('remove-product'), async () => {
  const label = $('product-name').textContent;
  const why = 'All its photos leave the catalogue, and it is recognised no more. That cannot be undone.';
  if (!await confirmed(`Remove ${label}?`, why, 'Remove product')) return;
  await ask('DELETE', `/v1/labels/${encodeURIComponent(label)}`);
  $('product').close();
  await showCatalogue();
  say(`${label} removed`);
});

onOpen('catalogue', showCatalogue);
