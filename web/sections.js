// SPDX-License-Identifier: Apache-2.0
// The sections of the page, one of them shown.
import {$} from './elements.js';
import {attempt} from './telling.js';

const sections = ['recognize', 'catalogue', 'unknown', 'figures'], shows = {};

// What a section does when it is opened.
export const onOpen = (section, show) => shows[section] = show;
export const shownSection = () => sections.find(section => !$(section).hidden);
export const addressed = () => sections.find(section => `#${section}` === location.hash) ?? 'recognize';

export function open(name) {
  for (const section of sections) {
    const tab = $(`tab-${section}`);
    tab.ariaSelected = section === name;
    tab.tabIndex = section === name ? 0 : -1;
    $(section).hidden = section !== name;
  }
  history.replaceState(null, '', name === 'recognize' ? location.pathname : `#${name}`);
  attempt($(name), () => shows[name]?.());
}

// An address that was typed or gone back to; #main, to which the skip link leads, is no section.
addEventListener('hashchange', () => location.hash === '#main' || open(addressed()));

for (const [i, section] of sections.entries()) {
  const tab = $(`tab-${section}`);
  tab.onclick = () => open(section);
  tab.onkeydown = event => {
    const next = {ArrowRight: i + 1, ArrowLeft: i + sections.length - 1, Home: 0, End: sections.length - 1}[event.key];
    if (next === undefined) return;
    event.preventDefault();
    $(`tab-${sections[next % sections.length]}`).focus();
    open(sections[next % sections.length]);
  };
}
