// SPDX-License-Identifier: Apache-2.0
// Questions to the server.

// Errors that people meet, in their words; of others the server's own are shown.
const kErrors = {
  unsupported: 'This file is no photo that can be read: send JPEG, PNG or WebP.',
  corrupt: 'This photo is damaged: part of the file is missing or was changed.',
  too_large: 'That is more than this server takes at once: send less.',
  overloaded: 'The server has too much to do: try again in a moment.',
  rate_limited: 'That was too fast for this server: try again in a moment.',
  deadline: 'The server was too busy to answer in time: try again.',
  unauthorized: 'This server asks for a token: press Token above.',
  forbidden: 'This token may look at the catalogue, not do that.',
  foreign_page: 'This server does not know the address of this page: whoever runs it can tell it by --allow-host.',
  same_model: 'The catalogue has that model already.',
  photo_gone: 'The file of that catalogue photo is gone: add the photo again.',
};

// "decode_image: want at most 9 pixels" is "Want at most 9 pixels": what was asked for people know.
const sentence = text => text.replace(/^[\w ]+: /, '').replace(/^./, first => first.toUpperCase()).replace(/[^.!?]$/, '$&.');

function headers(more = {}) {
  const token = sessionStorage.getItem('token');
  return token ? {...more, Authorization: `Bearer ${token}`} : more;
}

// Where a path of the server is: behind a proxy the page, and with it all the rest, may be below another.
export const at = path => `.${path}`;

export async function request(method, path, body, more = {}) {
  const json = body && !(body instanceof Blob) && !(body instanceof FormData);
  if (method !== 'GET') more['Idempotency-Key'] ??= crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  if (json) more['Content-Type'] = 'application/json';
  const response = await fetch(at(path), {method, body: json ? JSON.stringify(body) : body, headers: headers(more)})
    .catch(() => { throw new Error('The server does not answer. Is it running, and this device online?'); });
  if (response.ok) return response;
  const told = {error: {message: `The server answered ${response.status}`, hint: 'Try again.'}};
  const {error} = await response.json().catch(() => told);
  if (response.status === 401) dispatchEvent(new Event('unauthorized'));  // token.js hears it
  const text = kErrors[error.code] ?? `${sentence(error.message)} ${sentence(error.hint)}`;
  throw Object.assign(new Error(text), {status: response.status, code: error.code});
}

export const ask = async (...what) => (await request(...what)).json();
