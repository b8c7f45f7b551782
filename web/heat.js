// SPDX-License-Identifier: Apache-2.0
// What matched: where each picture made the likeness.
import {make} from './elements.js';
import {ask} from './server.js';
import {onPress} from './telling.js';

// Inferno (matplotlib), at every fifth of the way.
const kHeat = [[0, 0, 4], [66, 10, 104], [147, 38, 103], [221, 81, 58], [252, 165, 10], [252, 255, 164]];

export function matchButton(photo, pair) {
  const button = make('button', {type: 'button', textContent: 'What matched', ariaPressed: 'false'});
  const row = make('div.row.line', button), told = make('p.small-print');
  told.setAttribute('role', 'status');
  const clear = () => pair.querySelectorAll('canvas').forEach(canvas => canvas.remove());
  let neighbour;
  row.append(told);
  row.compare = n => {
    neighbour = n;
    button.ariaPressed = 'false';
    told.textContent = '';
    clear();
  };
  onPress(button, async () => {
    clear();
    if (button.ariaPressed === 'true') {
      told.textContent = '';
      return button.ariaPressed = 'false';
    }
    const asked = neighbour;
    try {
      const maps = await ask('POST', `/v1/explain?item=${asked.id}`, photo, {'Content-Type': photo.type});
      if (neighbour !== asked) return;  // another is looked at by now
      const frames = pair.querySelectorAll('.frame');
      [maps.photo, maps.item].forEach((map, i) => frames[i].append(heatMap(frames[i].firstChild, map)));
      button.ariaPressed = 'true';
      told.textContent = 'Bright parts made the likeness.';
    } catch (error) {
      if (error.code !== 'not_found' && error.status !== 501) throw error;
      told.textContent = 'This server cannot show what matched.';
    }
  });
  return row;
}

// A canvas to lay over the image: the heat, bilinear between the centres of its cells, in the window that the network saw.
function heatMap(image, {rows, columns, window: [x0, y0, x1, y1], heat}) {
  const canvas = make('canvas', {role: 'img', ariaLabel: 'What matched'});
  const scale = 360 / Math.max(image.naturalWidth, image.naturalHeight, 1);
  canvas.width = Math.max(1, image.naturalWidth * scale);
  canvas.height = Math.max(1, image.naturalHeight * scale);
  const left = Math.round(x0 * canvas.width), width = Math.max(1, Math.round(x1 * canvas.width) - left);
  const top = Math.round(y0 * canvas.height), height = Math.max(1, Math.round(y1 * canvas.height) - top);
  const clamped = (value, most) => Math.min(Math.max(value, 0), most);
  const along = (i, size, cells) => {  // the cells on both sides of a pixel, and how far it is from the first
    const at = clamped((i + 0.5) / size * cells - 0.5, cells - 1), low = Math.floor(at);
    return [low, Math.min(low + 1, cells - 1), at - low];
  };
  const pixels = new ImageData(width, height);
  for (let y = 0; y < height; ++y) {
    const [up, down, dy] = along(y, height, rows);
    for (let x = 0; x < width; ++x) {
      const [west, east, dx] = along(x, width, columns);
      const mix = row => heat[row * columns + west] * (1 - dx) + heat[row * columns + east] * dx;
      const value = clamped(mix(up) * (1 - dy) + mix(down) * dy, 1), step = clamped(Math.floor(5 * value), 4);
      const colour = kHeat[step].map((from, i) => from + (kHeat[step + 1][i] - from) * (5 * value - step));
      pixels.data.set([...colour, 40 + 170 * value], 4 * (y * width + x));
    }
  }
  canvas.getContext('2d').putImageData(pixels, left, top);
  return canvas;
}
