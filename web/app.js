'use strict';

const $ = id => document.getElementById(id);

// An element with properties and children; text is never taken for markup.
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// ---- the server

function headers(more = {}) {
  const token = sessionStorage.getItem('token');
  return token ? {...more, Authorization: `Bearer ${token}`} : more;
}

async function ask(method, path, body, more = {}) {
  const json = body && !(body instanceof Blob) && !(body instanceof FormData);
  if (method !== 'GET') more['Idempotency-Key'] ??= crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  if (json) more['Content-Type'] = 'application/json';
  const response = await fetch(path, {method, body: json ? JSON.stringify(body) : body, headers: headers(more)});
  const answer = await response.json();
  if (response.ok) return answer;
  if (response.status === 401) $('token').showModal();
  throw new Error(`${answer.error.message}. ${answer.error.hint}`);
}

// A picture of the server. With a token it has to be fetched, as an <img> sends none.
function picture(path, alt) {
  const image = make('img', {alt, loading: 'lazy', decoding: 'async'});
  if (!sessionStorage.getItem('token')) {
    image.src = path;
    return image;
  }
  fetch(path, {headers: headers()}).then(response => response.ok ? response.blob() : null).then(blob => {
    if (!blob) return;
    image.src = URL.createObjectURL(blob);
    image.onload = () => URL.revokeObjectURL(image.src);
  });
  return image;
}

let toastTimer;
function say(text, bad = false) {
  const toast = $('toast');
  toast.textContent = text;
  toast.classList.toggle('bad', bad);
  toast.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => toast.hidden = true, bad ? 8000 : 3000);
}

// Runs what a press or a form starts: one at a time, and its failure is told.
async function attempt(element, action) {
  const buttons = element.matches?.('button') ? [element] : [...element.querySelectorAll?.('button') ?? []];
  buttons.forEach(button => button.disabled = true);
  try {
    await action();
  } catch (error) {
    say(error.message, true);
  } finally {
    buttons.forEach(button => button.disabled = false);
  }
}

function press(text, action, className = '') {
  const button = make('button', {type: 'button', textContent: text, className});
  button.onclick = () => attempt(button, action);
  return button;
}

const percent = share => `${(100 * share).toFixed(share > 0.995 || share < 0.005 ? 1 : 0)}%`;

// ---- sections

const sections = ['recognize', 'catalogue', 'unknown', 'figures'];
const opened = {catalogue: showCatalogue, unknown: showUnknowns, figures: showFigures, recognize: () => {}};

function open(name) {
  for (const section of sections) {
    const tab = $(`tab-${section}`);
    tab.setAttribute('aria-selected', section === name);
    tab.tabIndex = section === name ? 0 : -1;
    $(section).hidden = section !== name;
  }
  attempt(document, opened[name]);
}

for (const [i, section] of sections.entries()) {
  const tab = $(`tab-${section}`);
  tab.onclick = () => open(section);
  tab.onkeydown = event => {
    const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
    if (!step) return;
    const next = sections[(i + step + sections.length) % sections.length];
    $(`tab-${next}`).focus();
    open(next);
  };
}

// ---- recognise

async function recognize(photo) {
  const place = $('answer');
  place.setAttribute('aria-busy', 'true');
  try {
    const {results: [result], timing_ms: timing} = await ask('POST', '/v1/recognize', photo, {'Content-Type': photo.type});
    place.replaceChildren(answerCard(photo, result, timing));
    updateUnknownCount();
  } catch (error) {
    place.replaceChildren();
    say(error.message, true);
  } finally {
    place.removeAttribute('aria-busy');
    $('photo').value = '';
  }
}

function answerCard(photo, result, timing) {
  const shown = make('img', {alt: 'Your photo', src: URL.createObjectURL(photo)});
  const name = result.unknown ? 'Unknown product' : result.label;
  const badge = make('span', {className: result.unknown ? 'badge unknown' : 'badge', textContent: result.unknown ? 'not ours?' : 'recognised'});
  const details = make('div', {}, badge, make('p', {className: 'name', textContent: name}));
  if (result.unknown && result.label) details.append(make('p', {className: 'muted', textContent: `Most like ${result.label}`}));
  if (result.probability !== null)
    details.append(make('label', {textContent: `${percent(result.probability)} sure that it is ${result.label}`},
      make('meter', {min: 0, max: 1, value: result.probability})));
  if (result.neighbours.length) details.append(neighbours(result.neighbours));
  details.append(correction(photo, result));
  const total = Object.values(timing).reduce((sum, ms) => sum + ms, 0);
  details.append(make('p', {className: 'muted', textContent: `${total.toFixed(1)} ms, of which the network ${timing.network.toFixed(1)}`}));
  return make('div', {className: 'card result'}, shown, details);
}

function neighbours(list) {
  return make('ul', {className: 'neighbours'}, ...list.map(n => make('li', {}, make('figure', {},
    picture(n.thumbnail, `Catalogue photo of ${n.label}`),
    make('figcaption', {textContent: `${n.label} · ${n.score.toFixed(2)}`})))));
}

// Says what the photo really shows, which puts it into the catalogue.
function correction(photo, result) {
  const input = make('input', {required: true, maxLength: 200, autocomplete: 'off', name: 'label', value: result.unknown ? '' : result.label ?? ''});
  input.setAttribute('list', 'labels');
  const form = make('form', {className: 'row', id: 'correct'}, make('label', {className: 'grow', textContent: 'It is'}, input),
    make('button', {className: 'primary', textContent: 'Keep this photo under that name'}));
  form.onsubmit = event => {
    event.preventDefault();
    attempt(form, async () => {
      await addPhotos(input.value.trim(), [photo]);
      say(`Kept as ${input.value.trim()}`);
      updateLabels();
    });
  };
  return form;
}

function addPhotos(label, photos) {
  const form = new FormData();
  form.append('label', label);
  for (const photo of photos) form.append('photo', photo, photo.name || 'photo');
  return ask('POST', '/v1/items', form);
}

$('photo').onchange = event => event.target.files[0] && recognize(event.target.files[0]);
$('drop').ondragover = event => { event.preventDefault(); $('drop').classList.add('over'); };
$('drop').ondragleave = () => $('drop').classList.remove('over');
$('drop').ondrop = event => {
  event.preventDefault();
  $('drop').classList.remove('over');
  if (event.dataTransfer.files[0]) recognize(event.dataTransfer.files[0]);
};
document.onpaste = event => {
  const photo = [...event.clipboardData.files].find(file => file.type.startsWith('image/'));
  if (!photo) return;
  open('recognize');
  recognize(photo);
};

// ---- catalogue

const kShown = 120;
let labels = [];

async function updateLabels() {
  labels = (await ask('GET', '/v1/labels')).labels;
  $('labels').replaceChildren(...labels.slice(0, 2000).map(({label}) => make('option', {value: label})));
}

async function showCatalogue() {
  await updateLabels();
  showProducts();
}

function showProducts() {
  const wanted = $('search').value.trim().toLowerCase();
  const found = labels.filter(({label}) => label.toLowerCase().includes(wanted));
  const photos = labels.reduce((sum, {photos}) => sum + photos, 0);
  $('total').textContent = `${labels.length} products, ${photos} photos`;
  $('products').replaceChildren(...found.slice(0, kShown).map(({label, photos, thumbnail}) => {
    const card = make('button', {type: 'button'}, make('figure', {}, picture(thumbnail, ''),
      make('figcaption', {}, make('strong', {textContent: label}), `${photos} photo${photos === 1 ? '' : 's'}`)));
    card.onclick = () => attempt(card, () => showProduct(label));
    return card;
  }));
  $('more').textContent = found.length > kShown ? `and ${found.length - kShown} more: search for them` : '';
}

async function showProduct(label) {
  const {items} = await ask('GET', `/v1/items?limit=200&label=${encodeURIComponent(label)}`);
  $('product-name').textContent = label;
  $('rename').elements.name.value = label;
  $('photos').replaceChildren(...items.map(item => make('figure', {}, picture(item.thumbnail, `Photo ${item.id} of ${label}`),
    press('Remove', async () => {
      await ask('DELETE', `/v1/items/${item.id}`);
      say('Removed');
      await showCatalogue();
      items.length > 1 ? await showProduct(label) : $('product').close();
    }, 'danger'))));
  if (!$('product').open) $('product').showModal();
}

$('search').oninput = showProducts;
$('add').onsubmit = event => {
  event.preventDefault();
  const form = event.target;
  attempt(form, async () => {
    const {added, existing} = await addPhotos(form.elements.label.value.trim(), form.elements.photos.files);
    say(`${added} photo${added === 1 ? '' : 's'} added${existing ? `, ${existing} there already` : ''}`);
    form.reset();
    await showCatalogue();
  });
};
$('rename').onsubmit = event => {
  event.preventDefault();
  attempt(event.target, async () => {
    const from = $('product-name').textContent, to = event.target.elements.name.value.trim();
    const {merged} = await ask('PUT', `/v1/labels/${encodeURIComponent(from)}`, {name: to});
    say(merged && from !== to ? `Now one with ${to}` : `Renamed to ${to}`);
    await showCatalogue();
    await showProduct(to);
  });
};
$('remove-product').onclick = event => attempt(event.target, async () => {
  const label = $('product-name').textContent;
  if (!confirm(`Remove ${label} and all its photos?`)) return;
  await ask('DELETE', `/v1/labels/${encodeURIComponent(label)}`);
  $('product').close();
  say(`${label} removed`);
  await showCatalogue();
});

// ---- unknown photos

async function updateUnknownCount() {
  const {unknowns} = await ask('GET', '/v1/unknowns');
  $('unknown-count').textContent = unknowns.length;
  $('unknown-count').hidden = unknowns.length === 0;
  return unknowns;
}

async function showUnknowns() {
  await updateLabels();
  const unknowns = await updateUnknownCount();
  $('unknowns').replaceChildren(...unknowns.map(unknownCard));
  if (!unknowns.length) $('unknowns').append(make('p', {className: 'card', textContent: 'None waits for a name.'}));
}

function unknownCard({id, time, answer, thumbnail}) {
  const input = make('input', {required: true, maxLength: 200, autocomplete: 'off', name: 'label'});
  input.setAttribute('list', 'labels');
  const form = make('form', {className: 'row'}, make('label', {className: 'grow', textContent: 'It is'}, input),
    make('button', {className: 'primary', textContent: 'Add'}),
    press('Discard', async () => { await ask('DELETE', `/v1/unknowns/${id}`); await showUnknowns(); }));
  form.onsubmit = event => {
    event.preventDefault();
    attempt(form, async () => {
      await ask('POST', `/v1/unknowns/${id}`, {label: input.value.trim()});
      say(`Added to ${input.value.trim()}`);
      await showUnknowns();
    });
  };
  const guess = answer?.label ? `most like ${answer.label}` : 'like nothing here';
  return make('div', {className: 'card unknown'}, picture(thumbnail, 'Unknown photo'),
    make('div', {}, make('p', {className: 'muted', textContent: `${new Date(time * 1000).toLocaleString()}, ${guess}`}), form));
}

// ---- figures

async function showFigures() {
  const status = await ask('GET', '/v1/status');
  const rows = [
    ['Products', status.labels],
    ['Photos in the catalogue', status.items],
    ['Photos answered since the start', status.photos_answered],
    ['of them unknown', status.photos_answered ? percent(status.photos_unknown / status.photos_answered) : '–'],
    ['Knows what it does not know', status.calibrated ? 'calibrated' : 'not calibrated'],
    ['Network', status.model.arch],
  ];
  $('numbers').replaceChildren(...rows.map(([name, value]) => make('div', {}, make('dt', {textContent: name}), make('dd', {textContent: value}))));
}

setInterval(() => { if (!$('figures').hidden) showFigures().catch(() => {}); }, 3000);

// ---- token

$('sign-in').onclick = () => $('token').showModal();
$('token-form').onsubmit = event => {
  event.preventDefault();
  sessionStorage.setItem('token', event.target.elements.token.value.trim());
  event.target.reset();
  $('token').close();
  updateLabels().then(updateUnknownCount).catch(error => say(error.message, true));
};

updateLabels().then(updateUnknownCount).catch(() => {});
