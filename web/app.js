// SPDX-License-Identifier: Apache-2.0
// The page: photos that come in, chosen, taken, dropped or pasted, and its sections.
import {pick, showAdd} from './adding.js';
import {photograph} from './camera.js';
import {updateLabels} from './catalogue.js';
import {$} from './elements.js';
import './figures.js';
import './importing.js';
import {recognize} from './recognize.js';
import {addressed, open, shownSection} from './sections.js';
import {onPress, say} from './telling.js';
import './token.js';
import {updateUnknownCount} from './unknown.js';

function take(files, section) {
  const photos = [...files].filter(file => file.type.startsWith('image/'));
  if (!photos.length) return files.length && say('Those are no photos: send JPEG, PNG or WebP.', true);
  $('viewfinder').close();  // dropped photos do not wait for one of the webcam
  if ($('add').open) return pick(photos);
  if ($('product').open) return showAdd($('product-name').textContent, photos);
  if (section === 'catalogue') return showAdd('', photos);
  open('recognize');
  recognize(photos);
}

for (const id of ['photo', 'camera', 'add-photos', 'add-camera'])
  $(id).onchange = event => { take(event.target.files, 'recognize'); event.target.value = ''; };
for (const button of document.querySelectorAll('.webcam'))
  onPress(button, async () => {
    const photo = await photograph();
    if (photo) take([photo], 'recognize');
  });
document.onpaste = event => event.clipboardData.files.length && take(event.clipboardData.files, shownSection());
document.ondragover = event => { event.preventDefault(); document.body.classList.add('dragging'); };
document.ondragleave = event => event.relatedTarget || document.body.classList.remove('dragging');
document.ondrop = event => {
  event.preventDefault();
  document.body.classList.remove('dragging');
  take(event.dataTransfer.files, shownSection());
};

open(addressed());
updateLabels().then(updateUnknownCount).catch(() => {});
