// SPDX-License-Identifier: Apache-2.0
// A photo of what a webcam sees. Phones have a camera of their own behind a file input, which does more.
import {$} from './elements.js';
import {say} from './telling.js';

// By the names of getUserMedia's errors.
const kRefusals = {
  NotAllowedError: 'This page may not use the camera: allow it in the browser’s settings for this site, then try again.',
  NotFoundError: 'No camera was found: connect one and try again, or choose photos.',
  NotReadableError: 'The camera does not start: end what else uses it, then try again.',
};

async function opened() {
  if (!navigator.mediaDevices)
    throw new Error('Browsers lend a camera only to pages over https: ask whoever runs this server for it, or choose photos.');
  const video = {facingMode: 'environment', width: {ideal: 1920}, height: {ideal: 1080}};
  return navigator.mediaDevices.getUserMedia({video}).catch(error => {
    throw new Error(kRefusals[error.name] ?? kRefusals.NotReadableError);
  });
}

// A photo that was taken, or nothing when the dialog was closed without one.
export async function photograph() {
  const stream = await opened(), [track] = stream.getTracks(), dialog = $('viewfinder'), video = $('seen');
  return new Promise(resolve => {
    let photo;
    $('shutter').onclick = async () => {
      await video.play().catch(() => {});  // there is a picture from then on, unless the dialog is closed meanwhile
      if (!video.videoWidth) return;
      const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
      canvas.getContext('2d').drawImage(video, 0, 0);
      photo = new File([await canvas.convertToBlob({type: 'image/jpeg', quality: 0.92})], 'camera.jpg', {type: 'image/jpeg'});
      dialog.close();
    };
    track.onended = () => {  // not when it is stopped here
      dialog.close();
      say('The camera is gone: connect it and try again, or choose photos.', true);
    };
    dialog.onclose = () => {
      track.stop();
      video.srcObject = null;
      resolve(photo);
    };
    video.srcObject = stream;
    dialog.showModal();
  });
}
