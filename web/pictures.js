// SPDX-License-Identifier: Apache-2.0
import {make} from './elements.js';
import {at, request} from './server.js';

// When a picture is asked for again, as the server may have too much to do: after so many ms.
const kAgain = [1000, 2000, 4000, 8000];

// A picture of the server, asked for when it comes into sight. An <img> sends no token, and does not try again: then it is fetched.
export function picture(path, alt) {
  const image = make('img', {alt, loading: 'lazy', decoding: 'async'});
  paths.set(image, path);
  if (sessionStorage.getItem('token')) {
    inSight.observe(image);
  } else {
    image.src = at(path);
    image.addEventListener('error', event => { event.stopImmediatePropagation(); fetchFor(image); }, {once: true});
  }
  return image;
}

const paths = new WeakMap();
const fetchFor = image => load(image, paths.get(image)).catch(() => image.dispatchEvent(new Event('error')));
const inSight = new IntersectionObserver(entries => {
  for (const {isIntersecting, target} of entries) {
    if (!isIntersecting) continue;
    inSight.unobserve(target);
    fetchFor(target);
  }
}, {rootMargin: '300px'});

async function load(image, path, tries = 0) {
  try {
    showBlob(image, await (await request('GET', path)).blob());
  } catch (error) {
    if (![429, 503].includes(error.status) || tries === kAgain.length) throw error;
    await new Promise(resolve => setTimeout(resolve, kAgain[tries] * (1 + Math.random())));
    if (image.isConnected) await load(image, path, tries + 1);
  }
}

export function showBlob(image, blob) {
  image.src = URL.createObjectURL(blob);
  image.onload = () => URL.revokeObjectURL(image.src);
  return image;
}

export function frame(image) {
  const around = make('div.frame', image);
  image.onerror = () => around.classList.add('gone');
  return around;
}

export const framed = (image, ...caption) => make('figure', frame(image), make('figcaption', ...caption));
export const tileOf = (path, label, text) => make('button.tile', {type: 'button', title: label},
  framed(picture(path, ''), make('strong.clamp', label), text));
export const larger = thumbnail => thumbnail.replace('side=160', 'side=320');
