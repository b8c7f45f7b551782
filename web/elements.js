// SPDX-License-Identifier: Apache-2.0
// Elements of the page, and words for numbers.
export const $ = id => document.getElementById(id);

// An element: make('p.muted', {title: 'x'}, 'text', child, ...). Text is never taken for markup.
export function make(name, ...children) {
  const [tag, ...classes] = name.split('.'), properties = children[0]?.constructor === Object ? children.shift() : {};
  const element = Object.assign(document.createElement(tag), {className: classes.join(' '), ...properties});
  element.append(...children);
  return element;
}

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export const percent = share => `${(100 * share).toFixed(share > 0.995 || share < 0.005 ? 1 : 0)}%`;
export const many = (count, word) => `${count.toLocaleString('en')} ${word}${count === 1 ? '' : 's'}`;

export function nothing(title, text, ...more) {
  const icon = svg('svg', {viewBox: '0 0 24 24', 'aria-hidden': true}, svg('path', {d: 'M4 8h16v11H4zM4 8l3-4h10l3 4M12 4v4'}));
  return make('div.empty', icon, make('h3', title), make('p.muted', text), ...more);
}
