// SPDX-License-Identifier: Apache-2.0
import {make} from './elements.js';
import {request} from './server.js';

// A picture of the server. With a token it has to be fetched, as an <img> sends none.
export function picture(path, alt) {
  const image = make('img', {alt, loading: 'lazy', decoding: 'async'});
  if (!sessionStorage.getItem('token')) image.src = path;
  else request('GET', path).then(response => response.blob()).then(blob => showBlob(image, blob), () => {});
  return image;
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
