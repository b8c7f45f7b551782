// SPDX-License-Identifier: Apache-2.0
// The page as a person uses it, in a real browser on the real server. SHOPLENS_SHOTS=DIR keeps pictures of it.
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {copyFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {after, before, test} from 'node:test';
import {chromium} from 'playwright-core';

import {copyDemo, makeGallery, proxy, serve, shoplens, writeTinyModel} from './gallery.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const shots = process.env.SHOPLENS_SHOTS;
const kSections = ['Recognise', 'Catalogue', 'Unknown', 'Figures'];
const kDesktop = {viewport: {width: 1280, height: 860}}, kPhone = {viewport: {width: 390, height: 844}, isMobile: true, hasTouch: true, deviceScaleFactor: 2};
const kElsewhere = 'shop.example';  // the server by a name that is not this machine's, so that a browser sees it without TLS
let folder, photos, server, browser;

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'shoplens-page-'));
  photos = makeGallery(folder);
  for (const kind of ['right', 'wrong', 'strange']) assert.ok(photos[kind].length >= 2, `want photos answered ${kind}`);
  for (const name of ['other.db', 'upgraded.db']) copyFileSync(path.join(folder, 'gallery.db'), path.join(folder, name));
  server = await serve(folder, '--gallery', 'gallery.db');
  // A webcam that films a photo.
  copyFileSync(photos.right[1].photo, path.join(folder, 'webcam.mjpeg'));
  browser = await chromium.launch({executablePath: process.env.CHROMIUM ?? 'chromium', args: ['--no-sandbox',
    `--host-resolver-rules=MAP ${kElsewhere} 127.0.0.1`, '--use-fake-device-for-media-stream', `--use-file-for-fake-video-capture=${folder}/webcam.mjpeg`]});
  if (shots) mkdirSync(shots, {recursive: true});
});

after(async () => {
  await browser?.close();
  await server?.stop();
  rmSync(folder, {recursive: true, force: true});
});

// A test in a window of its own; whatever the console complains about, a breach of the page's policy too, fails it.
function onPage(name, options, body, complaint = null) {
  test(name, {timeout: 90_000}, async () => {
    const context = await browser.newContext({colorScheme: 'light', reducedMotion: 'reduce', ...kDesktop, ...options});
    context.setDefaultTimeout(10_000);
    const page = await context.newPage(), complaints = [];
    page.on('filechooser', () => {});  // from the start: asked for later, it may come too late
    page.on('console', message => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
    page.on('pageerror', error => complaints.push(`${error}`));
    try {
      await body(page);
      assert.deepEqual(complaints.filter(text => !complaint?.test(text)), []);
    } catch (error) {
      if (shots) await page.screenshot({path: path.join(shots, `failed-${name.replaceAll(/\W+/g, '-')}.png`)});
      throw error;
    } finally {
      await context.close();
    }
  });
}

const visit = async (page, url = server.url) => { await page.goto(url); return page; };
const open = (page, section) => page.getByRole('tab', {name: section}).click();
// Seen, and heard.
const said = (page, text) => Promise.all([page.locator('#toast', {hasText: text}).waitFor(),
  page.locator('[role=status].unseen, [role=alert].unseen', {hasText: text}).first().waitFor({state: 'attached'})]);
const heading = (page, name) => page.getByRole('heading', {name, exact: true});
const tile = (page, label) => page.locator('#products .tile', {hasText: label});
const dialog = page => page.getByRole('dialog').last();

async function ask(page, {photo}) {
  await page.getByLabel('Choose photos').first().setInputFiles(photo);
  await page.locator('.answer:not(.wait)').waitFor();
}

// Once all pictures in sight are there.
const settled = page => page.waitForFunction(() => [...document.images].every(image =>
  image.complete && image.src || image.closest('.gone') || image.getBoundingClientRect().top > innerHeight || !image.checkVisibility()));

async function shoot(page, name, most = 150_000) {
  if (!shots) return;
  await settled(page);
  const file = path.join(shots, `${name}.jpg`);
  for (let quality = 88; quality >= 40; quality -= 8) {
    await page.screenshot({path: file, type: 'jpeg', quality});
    if (statSync(file).size < most) return;
  }
  assert.fail(`${file} is larger than a README's picture should be`);
}

// By the rules of WCAG 2.2 AA and good practice: names of controls, contrast, order of headings, ...
async function assertAccessible(page, where) {
  await page.evaluate(axe);
  const {violations} = await page.evaluate(() => globalThis.axe.run({resultTypes: ['violations']}));
  const told = violations.map(({id, help, nodes}) => `${id}: ${help}\n${nodes.map(({html, failureSummary}) => `  ${html}\n  ${failureSummary}`).join('\n')}`);
  assert.deepEqual(told, [], where);
}

async function assertNoSidewaysScroll(page, where) {
  const {wide, tall} = await page.evaluate(() => ({wide: document.documentElement.scrollWidth, tall: document.documentElement.clientWidth}));
  assert.ok(wide <= tall, `${where}: ${wide} pixels wide in a window of ${tall}`);
}

// Moves the focus as a person without a mouse does.
async function tabTo(page, target) {
  for (let i = 0; i < 80; ++i) {
    if (await target.evaluate(element => element === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`the keyboard does not reach ${target}`);
}

async function dropOn(page, event, files) {
  const list = files.map(file => ({name: path.basename(file), base64: readFileSync(file).toString('base64')}));
  await page.evaluate(([event, list]) => {
    const data = new DataTransfer();
    for (const {name, base64} of list)
      data.items.add(new File([Uint8Array.from(atob(base64), c => c.charCodeAt(0))], name, {type: 'image/jpeg'}));
    const how = {bubbles: true, cancelable: true};
    document.body.dispatchEvent(event === 'paste' ? new ClipboardEvent('paste', {...how, clipboardData: data}) : new DragEvent('drop', {...how, dataTransfer: data}));
  }, [event, list]);
}

onPage('a photo of a product is named, with the photos that say so', {}, async page => {
  await visit(page);
  await assertAccessible(page, 'before a photo');
  await shoot(page, 'start');
  await ask(page, photos.right[0]);
  await heading(page, photos.right[0].label).waitFor();
  assert.match(await page.locator('#announce').textContent(), /^Recognised: .+, \d+% sure$/);
  assert.ok(await page.getByRole('meter').getAttribute('value') > 0.5);
  assert.equal(await page.locator('.nearest .tile').count(), 5);
  await page.locator('.nearest .tile').nth(2).click();
  assert.equal(await page.locator('.nearest .tile').nth(2).getAttribute('aria-pressed'), 'true');
  await page.locator('.nearest .tile').first().click();
  await settled(page);
  assert.deepEqual(await page.locator('.answer img').evaluateAll(images => images.filter(image => !image.naturalWidth).length), 0);
  await assertAccessible(page, 'an answer');
  await page.evaluate(() => document.activeElement.blur());
  await shoot(page, 'recognise-light');
});

// Both side by side, for the README.
if (shots)
  onPage('what made an answer so, and the catalogue on a phone', {viewport: {width: 1697, height: 860}}, async both => {
    const demo = process.env.SHOPLENS_DEMO, shown = path.join(folder, 'demo');
    const right = demo ? copyDemo(demo, shown) : photos.right[0], shop = demo ? await serve(shown, '--gallery', 'gallery.db') : server;
    const look = async (options, show) => {
      const context = await browser.newContext({reducedMotion: 'reduce', ...options}), page = await visit(await context.newPage(), shop.url);
      await show(page);
      await settled(page);
      await page.evaluate(() => document.activeElement.blur());
      const picture = (await page.screenshot()).toString('base64');
      await context.close();
      return `<img height="860" src="data:image/png;base64,${picture}">`;
    };
    const answer = await look({...kDesktop, colorScheme: 'light'}, async page => {
      await ask(page, right);
      await page.getByRole('button', {name: 'What matched'}).click();
      await page.locator('.pair canvas').nth(1).waitFor();
    });
    const phone = await look({...kPhone, colorScheme: 'dark'}, async page => {
      await open(page, 'Catalogue');
      await page.locator('#products .tile').first().waitFor();
    });
    if (demo) await shop.stop();
    await both.setContent(`<body style="margin: 0; display: flex; justify-content: space-between">${answer}${phone}</body>`);
    await shoot(both, 'page', 300_000);
  });

onPage('behind a proxy, below a path of its own, all of it is found', {}, async page => {
  const outside = await proxy(server.url, '/shop/recognise');
  try {
    await visit(page, outside.url);
    await ask(page, photos.right[0]);
    await heading(page, photos.right[0].label).waitFor();
    await page.getByRole('button', {name: 'What matched'}).click();
    await page.getByText('Bright parts made the likeness').waitFor();
    for (const section of kSections) {
      await open(page, section);
      await page.locator('[aria-busy=true]').waitFor({state: 'detached'});
      await settled(page);
      assert.deepEqual(await page.locator('.gone').count(), 0, section);
    }
    await open(page, 'Catalogue');
    assert.ok(await page.locator('#products img').first().evaluate(image => image.naturalWidth));
    await page.reload();
    await page.locator('#catalogue').waitFor();
  } finally {
    outside.stop();
  }
});

onPage('dropped and pasted photos are answered too, several at once', {}, async page => {
  await visit(page);
  await dropOn(page, 'drop', [photos.right[0].photo, photos.right[1].photo]);
  await heading(page, photos.right[0].label).first().waitFor();
  await page.locator('.answer:not(.wait)').nth(1).waitFor();
  await open(page, 'Unknown');
  await dropOn(page, 'paste', [photos.right[2].photo]);
  await heading(page, photos.right[2].label).waitFor();
  assert.equal(await page.locator('.answer').count(), 1);
});

onPage('a wrong answer is corrected, and right the next time', {}, async page => {
  await visit(page);
  const {label} = photos.wrong[0];
  await ask(page, photos.wrong[0]);
  const other = await page.locator('.name').textContent();
  assert.notEqual(other, label);
  await page.getByLabel('It is', {exact: true}).fill(label);
  await page.getByRole('button', {name: 'Save that name'}).click();
  await page.getByText(`Kept as ${label}.`).waitFor();
  await page.getByRole('button', {name: 'Ask again'}).click();
  await heading(page, label).waitFor();
  // Named wrongly, it is corrected in the same way.
  for (const name of [other, label]) {
    await page.getByLabel('It is', {exact: true}).fill(name);
    await page.getByRole('button', {name: 'Save that name'}).click();
    await page.getByText(`Kept as ${name}, no longer under its other name.`).waitFor();
    await page.getByRole('button', {name: 'Ask again'}).click();
    await heading(page, name).waitFor();
  }
});

onPage('an unknown photo waits in the queue, is named, and recognised from then on', {}, async page => {
  await visit(page);
  await ask(page, photos.strange[0]);
  await heading(page, 'None of your products').waitFor();
  await assertAccessible(page, 'an unknown photo');
  await shoot(page, 'unknown-answer');
  await ask(page, photos.strange[1]);
  await heading(page, 'None of your products').waitFor();
  await page.locator('#unknown-count', {hasText: '2'}).waitFor();
  await open(page, 'Unknown');
  await assertAccessible(page, 'the queue');
  await shoot(page, 'unknown-queue');
  const cards = page.locator('.waiting');
  await cards.last().getByLabel('It is').fill('half a na');
  await cards.first().getByLabel('It is').fill('Something new');
  await cards.first().getByRole('button', {name: 'Add to catalogue'}).click();
  await said(page, 'Added to Something new');
  assert.equal(await cards.count(), 1);
  assert.equal(await cards.getByLabel('It is').inputValue(), 'half a na');
  await cards.getByRole('button', {name: 'Discard'}).click();
  await page.getByText('Nothing waits for a name').waitFor();
  await open(page, 'Recognise');
  await ask(page, photos.strange[1]);
  await heading(page, 'Something new').waitFor();
});

onPage('a product is added, found, renamed, made one with another, and removed', {}, async page => {
  await visit(page);
  await open(page, 'Catalogue');
  await shoot(page, 'catalogue-light');
  await page.getByRole('button', {name: 'Add a product'}).click();
  await assertAccessible(page, 'the form to add a product');
  await dialog(page).getByRole('button', {name: 'Add to catalogue'}).click();  // has no name yet
  await dialog(page).getByLabel('Product').fill('Blue <b>jam</b> & "more"');
  await dialog(page).getByRole('button', {name: 'Add to catalogue'}).click();
  await said(page, 'Choose at least one photo');
  await dropOn(page, 'drop', [photos.strange[2].photo]);
  await dialog(page).getByLabel('Choose photos').setInputFiles([photos.strange[3].photo, photos.strange[4].photo]);
  await dialog(page).getByRole('button', {name: /^Leave out/}).nth(1).click();
  await shoot(page, 'add');
  await dialog(page).getByRole('button', {name: 'Add 2 photos'}).click();
  await said(page, '2 photos of Blue <b>jam</b> & "more" added');

  await page.getByLabel('Search the catalogue').fill('zzz');
  await page.getByText('No product is called “zzz”').waitFor();
  await page.getByLabel('Search the catalogue').fill('blue');
  assert.equal(await page.locator('#products .tile').count(), 1);
  await tile(page, 'Blue').click();
  await assertAccessible(page, 'a product');
  await shoot(page, 'product');
  await dialog(page).getByLabel('Name', {exact: true}).fill('Blueberry jam');
  await dialog(page).getByRole('button', {name: 'Rename'}).click();
  await said(page, 'Renamed to Blueberry jam');

  await dialog(page).getByRole('button', {name: 'Remove photo 2'}).click();
  await assertAccessible(page, 'a question');
  await shoot(page, 'sure');
  await dialog(page).getByRole('button', {name: 'Cancel'}).click();
  assert.equal(await page.locator('#photos li').count(), 2);
  await dialog(page).getByRole('button', {name: 'Remove photo 2'}).click();
  await dialog(page).getByRole('button', {name: 'Remove photo', exact: true}).click();
  await said(page, 'Photo removed');
  assert.equal(await page.locator('#photos li').count(), 1);
  await page.waitForFunction(() => document.activeElement.ariaLabel === 'Remove photo 1');  // next to where it was

  await dialog(page).getByRole('button', {name: 'Add photos'}).click();
  await dialog(page).getByLabel('Choose photos').setInputFiles(photos.strange[5].photo);
  await dialog(page).getByRole('button', {name: 'Add 1 photo'}).click();
  await said(page, '1 photo of Blueberry jam added');
  assert.equal(await page.locator('#photos li').count(), 2);

  await dialog(page).getByLabel('Name', {exact: true}).fill(photos.right[0].label);
  await dialog(page).getByRole('button', {name: 'Rename'}).click();
  await dialog(page).getByRole('button', {name: 'Make them one'}).click();
  await said(page, `Now one with ${photos.right[0].label}`);
  await dialog(page).getByRole('button', {name: 'Remove product'}).click();
  await dialog(page).getByRole('button', {name: 'Remove product'}).click();
  await said(page, 'removed');
  await page.getByLabel('Search the catalogue').fill(photos.right[0].label);
  await page.getByText('No product is called').waitFor();
});

onPage('all of it goes by keyboard alone', {}, async page => {
  await visit(page);
  await tabTo(page, page.getByRole('tab', {name: 'Recognise'}));
  const choose = page.getByLabel('Choose photos').first();
  await tabTo(page, choose);
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.keyboard.press('Enter')]);
  await chooser.setFiles(photos.right[1].photo);
  await heading(page, photos.right[1].label).waitFor();
  await tabTo(page, page.getByRole('button', {name: 'Right, keep the photo'}));
  await page.keyboard.press('Enter');
  await page.getByText('Kept as').first().waitFor();
  await tabTo(page, page.getByRole('button', {name: 'Ask again'}));
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement.matches('.answer'));

  await page.reload();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement.id === 'main');  // skipped to
  assert.ok(await page.locator('#recognize').isVisible());
  await page.evaluate(() => location.hash = '#unknown');
  await page.locator('#unknown').waitFor();
  await page.evaluate(() => location.hash = '#recognize');
  await page.locator('#recognize').waitFor();
  await tabTo(page, page.getByRole('tab', {name: 'Recognise'}));
  await page.keyboard.press('ArrowRight');
  await tabTo(page, page.getByRole('button', {name: 'Add a product'}));
  await page.keyboard.press('Enter');
  await tabTo(page, dialog(page).getByLabel('Product'));
  await page.keyboard.type('By keyboard');
  await tabTo(page, dialog(page).getByLabel('Choose photos'));
  const [second] = await Promise.all([page.waitForEvent('filechooser'), page.keyboard.press('Enter')]);
  await second.setFiles(photos.strange[6].photo);
  await tabTo(page, dialog(page).getByRole('button', {name: 'Add 1 photo'}));
  await page.keyboard.press('Enter');
  await said(page, '1 photo of By keyboard added');

  await tabTo(page, page.getByLabel('Search the catalogue'));
  await page.keyboard.type('by key');
  await tabTo(page, tile(page, 'By keyboard'));
  await page.keyboard.press('Enter');
  await dialog(page).waitFor();
  await page.keyboard.press('Escape');
  await dialog(page).waitFor({state: 'hidden'});
  await tabTo(page, tile(page, 'By keyboard'));
  await page.keyboard.press('Enter');
  await tabTo(page, dialog(page).getByRole('button', {name: 'Remove product'}));
  await page.keyboard.press('Enter');
  await tabTo(page, dialog(page).getByRole('button', {name: 'Remove product'}));
  await page.keyboard.press('Enter');
  await said(page, 'By keyboard removed');
  await page.waitForFunction(() => document.activeElement.id === 'search');  // not lost with the dialog
});

for (const colorScheme of ['light', 'dark'])
  for (const [device, options] of Object.entries({desktop: kDesktop, phone: kPhone}))
    onPage(`every section is sound on a ${device}, ${colorScheme}`, {...options, colorScheme}, async page => {
      await visit(page);
      await ask(page, photos.right[3]);
      await assertNoSidewaysScroll(page, 'an answer');
      await assertAccessible(page, 'an answer');
      await shoot(page, `recognise-${device}-${colorScheme}`);
      await ask(page, photos.strange[7]);
      await assertAccessible(page, 'an unknown photo');
      await assertNoSidewaysScroll(page, 'an unknown photo');
      for (const section of kSections) {
        await open(page, section);
        await page.locator('[aria-busy=true]').waitFor({state: 'detached'});
        await assertNoSidewaysScroll(page, section);
        await assertAccessible(page, section);
        await shoot(page, `${section.toLowerCase()}-${device}-${colorScheme}`);
      }
    });

for (const [device, viewport] of Object.entries({desktop: {width: 1280, height: 500}, 'narrow window': {width: 390, height: 500}}))
  onPage(`what has the focus is not under the frame's bars: ${device}`, {viewport}, async page => {
    await visit(page);
    await open(page, 'Catalogue');
    await page.locator('#products .tile').first().waitFor();
    for (const [key, times] of [['Tab', 40], ['Shift+Tab', 35]])
      for (let i = 0; i < times; i++) {
        await page.keyboard.press(key);
        assert.equal(await page.evaluate(() => {
          const here = document.activeElement, {left, top, width, height} = here.getBoundingClientRect();
          const bars = [document.querySelector('header'), document.querySelector('nav')];
          if (here === document.body || bars.some(bar => bar.contains(here)) || here.matches('.skip, .unseen, label input')) return '';
          const seen = document.elementFromPoint(left + width / 2, top + height / 2);
          return bars.some(bar => bar.contains(seen)) ? here.textContent : '';
        }), '', `${key} ${i}`);
      }
  });

onPage('a phone takes a photo', kPhone, async page => {
  await visit(page);
  await page.getByText('Take a photo').first().waitFor();
  await page.locator('.webcam').first().waitFor({state: 'hidden'});
  assert.equal(await page.locator('#camera').getAttribute('capture'), 'environment');  // the camera that looks away
  await page.locator('#camera').setInputFiles(photos.right[0].photo);
  await page.locator('.answer:not(.wait)').waitFor();
  await open(page, 'Catalogue');
  await page.getByRole('button', {name: 'Add a product'}).click();
  await dialog(page).locator('label', {hasText: 'Take a photo'}).waitFor();
});

// A page that notes the cameras it is lent; and that so many were, of which so many film now.
const kWebcam = {permissions: ['camera']};
const films = (page, now, ever) => page.waitForFunction(([now, ever]) =>
  globalThis.lent.length === ever && globalThis.lent.filter(track => track.readyState === 'live').length === now, [now, ever]);
async function visitWithWebcam(page) {
  await page.addInitScript(() => {
    globalThis.lent = [];
    const devices = navigator.mediaDevices, lend = devices?.getUserMedia.bind(devices);
    if (devices) devices.getUserMedia = async wanted => {
      const stream = await lend(wanted);
      globalThis.lent.push(...stream.getTracks());
      return stream;
    };
  });
  return visit(page);
}

for (const [device, options] of Object.entries({desktop: kDesktop, 'narrow window': {viewport: kPhone.viewport}}))
  for (const colorScheme of ['light', 'dark'])
    onPage(`a webcam's picture is named as a dropped photo, in a ${device}, ${colorScheme}`, {...options, ...kWebcam, colorScheme}, async page => {
      await visitWithWebcam(page);
      await page.locator('label', {hasText: 'Take a photo'}).first().waitFor({state: 'hidden'});  // a phone's
      await page.getByRole('button', {name: 'Take a photo'}).click();
      await page.waitForFunction(() => document.querySelector('video').videoWidth > 0);
      await assertAccessible(page, 'the viewfinder');
      await assertNoSidewaysScroll(page, 'the viewfinder');
      await shoot(page, `webcam-${device.replace(' ', '-')}-${colorScheme}`);
      const asked = page.waitForRequest('**/v1/recognize');
      await page.getByRole('button', {name: 'Take the photo'}).click();
      assert.equal((await asked).headers()['content-type'], 'image/jpeg');
      await heading(page, photos.right[1].label).waitFor();
      await films(page, 0, 1);
      assert.equal(await dialog(page).count(), 0);
    });

onPage('a webcam goes by keyboard; closed, it films no more', kWebcam, async page => {
  await visitWithWebcam(page);
  const button = page.getByRole('button', {name: 'Take a photo'}), focused = target => target.evaluate(element => element === document.activeElement);
  await tabTo(page, button);
  await page.keyboard.press('Enter');
  await dialog(page).waitFor();
  assert.ok(await focused(dialog(page).getByRole('button', {name: 'Take the photo'})));
  for (let i = 0; i < 6; ++i) {
    await page.keyboard.press('Tab');  // past its last control to the browser's own, and back into it
    assert.ok(await page.evaluate(() => document.activeElement === document.body || document.activeElement.closest('dialog')));
  }
  await films(page, 1, 1);
  await page.keyboard.press('Escape');
  await dialog(page).waitFor({state: 'hidden'});
  await films(page, 0, 1);
  assert.ok(await focused(button));
  await page.keyboard.press('Enter');
  await dialog(page).getByRole('button', {name: 'Close'}).click();
  await films(page, 0, 2);
  await button.click();
  await films(page, 1, 3);
  await page.evaluate(() => globalThis.lent.at(-1).dispatchEvent(new Event('ended')));  // as when it is unplugged
  await said(page, 'The camera is gone');
  assert.equal(await dialog(page).count(), 0);
  assert.equal(await page.locator('.answer').count(), 0);
  await button.click();
  await dialog(page).waitFor();
  await dropOn(page, 'drop', [photos.right[2].photo]);  // answers instead
  await heading(page, photos.right[2].label).waitFor();
  await films(page, 0, 4);

  await open(page, 'Catalogue');
  await page.getByRole('button', {name: 'Add a product'}).click();
  await dialog(page).getByRole('button', {name: 'Take a photo'}).click();
  await page.getByRole('button', {name: 'Take the photo'}).click();
  await dialog(page).getByRole('button', {name: 'Add 1 photo'}).waitFor();
  assert.ok(await focused(dialog(page).getByRole('button', {name: 'Take a photo'})));
  await films(page, 0, 5);
});

onPage('without a webcam it is said why', {}, async page => {
  await visit(page);
  const button = page.getByRole('button', {name: 'Take a photo'});
  await button.click();
  await said(page, 'This page may not use the camera: allow it');
  for (const [error, text] of [['NotFoundError', 'No camera was found'], ['NotReadableError', 'The camera does not start'], ['AbortError', 'The camera does not start']]) {
    await page.evaluate(name => navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', name); }, error);
    await button.click();
    await said(page, text);
  }
  await visit(page, server.url.replace('127.0.0.1', kElsewhere));
  await button.click();
  await said(page, 'Browsers lend a camera only to pages over https');
  assert.equal(await dialog(page).count(), 0);
}, /403/);  // the server does not go by that name

onPage('a label as long as labels may be breaks nothing', kPhone, async page => {
  await visit(page);
  const label = `${'Unbreakable'.repeat(12)} and then some`;
  await ask(page, photos.strange[8]);
  await page.getByLabel('It is', {exact: true}).fill(label);
  await page.getByRole('button', {name: 'Save that name'}).click();
  await page.getByRole('button', {name: 'Ask again'}).click();
  await heading(page, label).waitFor();
  await assertNoSidewaysScroll(page, 'an answer');
  await shoot(page, 'long-answer');
  await open(page, 'Catalogue');
  await tile(page, label).click();
  await assertNoSidewaysScroll(page, 'the catalogue');
  await shoot(page, 'long-product');
  await dialog(page).getByRole('button', {name: 'Remove product'}).click();
  await dialog(page).getByRole('button', {name: 'Remove product'}).click();
  await said(page, 'removed');
});

onPage('what cannot be answered is told, and can be tried again', {}, async page => {
  await visit(page);
  const damaged = path.join(folder, 'damaged.jpg');
  writeFileSync(damaged, readFileSync(photos.right[0].photo).subarray(0, 900));
  await page.getByLabel('Choose photos').first().setInputFiles(damaged);
  await page.getByText('This photo is damaged').first().waitFor();
  await assertAccessible(page, 'an error');
  await shoot(page, 'error');
  await page.getByLabel('Choose photos').first().setInputFiles({name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('no photo')});
  await said(page, 'Those are no photos');
  await page.route('**/v1/recognize', route => route.abort());
  await ask(page, photos.right[1]);
  await page.getByText('The server does not answer').first().waitFor();
  await page.unroute('**/v1/recognize');
  await page.getByRole('button', {name: 'Try again'}).click();
  await heading(page, photos.right[1].label).waitFor();
}, /Failed to load resource/);

onPage('what matched is drawn over both photos, and left away where the server cannot tell', {}, async page => {
  await visit(page);
  await ask(page, photos.right[2]);
  const button = page.getByRole('button', {name: 'What matched'}), drawn = page.locator('.pair canvas');
  await button.click();
  await drawn.nth(1).waitFor();
  await assertAccessible(page, 'what matched');
  await shoot(page, 'matched');
  await button.click();
  await drawn.first().waitFor({state: 'detached'});

  const heat = Array.from({length: 49}, (_, i) => Math.exp(-(((i % 7) - 3) ** 2 + (Math.floor(i / 7) - 2) ** 2) / 4));
  const map = {rows: 7, columns: 7, window: [0.0625, 0.0625, 0.9375, 0.9375], heat};
  await page.route('**/v1/explain?item=*', route => route.fulfill({json: {photo: map, item: map}}));
  await button.click();
  const colours = await drawn.first().evaluate(canvas => {
    const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const at = (x, y) => [...data.slice(4 * (Math.floor(y * canvas.height) * canvas.width + Math.floor(x * canvas.width))).slice(0, 4)];
    return {corner: at(0.01, 0.01), edge: at(0.08, 0.9), hot: at(0.5, 0.375)};
  });
  assert.equal(colours.corner[3], 0);  // the network did not see it
  assert.ok(colours.hot[0] > 240 && colours.hot[1] > 200, `${colours.hot}`);
  assert.ok(colours.edge[0] < 80, `${colours.edge}`);
  const [over, under] = await page.evaluate(() => ['canvas', 'img'].map(what => {
    const {x, y, width, height} = document.querySelector(`.pair ${what}`).getBoundingClientRect();
    return [x, y, width, height];
  }));
  assert.deepEqual(over, under);

  // It goes with the photo that it is of, and does not come over another when it comes late.
  const tiles = page.locator('.nearest .tile');
  await tiles.nth(1).click();
  assert.equal(await drawn.count(), 0);
  await page.unroute('**/v1/explain?item=*');
  let answered;
  await page.route('**/v1/explain?item=*', async route => {
    await new Promise(answer => answered = answer);
    await route.fulfill({json: {photo: map, item: map}});
  });
  const response = page.waitForResponse('**/v1/explain?item=*');
  await button.click();
  await tiles.nth(0).click();
  answered();
  await (await response).finished();
  await page.waitForTimeout(200);
  assert.equal(await drawn.count(), 0);

  await page.unroute('**/v1/explain?item=*');
  await page.route('**/v1/explain?item=*', route => route.fulfill({status: 501, json: {error: {code: 'no_feature_map', message: '', hint: ''}}}));
  await button.click();
  await page.getByText('This server cannot show what matched').waitFor();
}, /501/);

onPage('more of many products are shown from where one was', {}, async page => {
  const kProducts = 2150, labels = Array.from({length: kProducts}, (_, i) => ({label: `Product ${kProducts - 1 - i}`, photos: 1, thumbnail: '/v1/items/1/photo?side=160'}));
  await page.route('**/v1/labels?*', route => {
    const asked = new URL(route.request().url()).searchParams, after = Number(asked.get('after')), limit = Number(asked.get('limit'));
    assert.ok(limit <= 1000);
    const next_after = after + limit < kProducts ? after + limit : null;
    return route.fulfill({json: {labels: labels.slice(after, after + limit), next_after}});
  });
  await visit(page);
  await open(page, 'Catalogue');
  await page.getByRole('button', {name: 'Show more'}).click();
  assert.equal(await page.evaluate(() => document.activeElement.title), 'Product 120');
  await page.getByText('2,150 products, 2,150 photos').waitFor();
  await page.getByLabel('Search the catalogue').fill('2149');  // on the first page of three
  await page.getByText('; 1 found').waitFor();
  await page.getByLabel('Search the catalogue').fill('product 21');
  await page.getByText('; 61 found').waitFor();
  assert.equal(await page.getByRole('button', {name: 'Show more'}).count(), 0);
});

onPage('more of many photos of a product are shown', {}, async page => {
  await page.route('**/v1/items?limit=200&*', route => route.continue({url: route.request().url().replace('limit=200', 'limit=2')}));
  await visit(page);
  await open(page, 'Catalogue');
  await tile(page, photos.right[3].label).click();
  await dialog(page).getByRole('button', {name: 'Show more'}).click();
  await page.waitForFunction(() => document.activeElement.ariaLabel === 'Remove photo 3');
  assert.equal(await page.locator('#photos li').count(), 4);
});

onPage('more of many unknown photos are shown', {}, async page => {
  const kUnknowns = 130, unknowns = Array.from({length: kUnknowns}, (_, i) => ({id: kUnknowns - i, time: 0, answer: null, photo: '/v1/items/1/photo', thumbnail: '/v1/items/1/photo?side=160'}));
  await page.route('**/v1/unknowns?*', route => {
    const asked = new URL(route.request().url()).searchParams, after = Number(asked.get('after')) || kUnknowns + 1;
    const shown = unknowns.filter(({id}) => id < after).slice(0, Number(asked.get('limit')));
    return route.fulfill({json: {unknowns: shown, next_after: shown.length === Number(asked.get('limit')) ? shown.at(-1).id : null}});
  });
  await visit(page);
  await open(page, 'Unknown');
  const more = page.getByRole('button', {name: 'Show more'});
  await more.click();
  await page.waitForFunction(() => document.activeElement === document.querySelectorAll('.waiting')[100].querySelector('input'));
  assert.equal(await page.locator('.waiting').count(), kUnknowns);
  assert.equal(await more.count(), 0);
});

onPage('a folder of products is imported, with its progress', {}, async page => {
  const products = path.join(folder, 'shop');
  for (const [i, {photo}] of photos.strange.slice(9, 12).entries()) {
    mkdirSync(path.join(products, `Shelf ${i}`), {recursive: true});
    copyFileSync(photo, path.join(products, `Shelf ${i}`, 'a.jpg'));
  }
  writeFileSync(path.join(products, 'Shelf 0', 'damaged.jpg'), readFileSync(photos.right[0].photo).subarray(0, 900));
  writeFileSync(path.join(products, 'notes.txt'), 'no photo');
  await visit(page);
  await open(page, 'Catalogue');
  await page.getByLabel('Import a folder').setInputFiles(products);
  await said(page, 'Done: 3 photos added, 1 could not be');
  await page.getByText('Shelf 0/damaged.jpg: ').waitFor();
  for (const i of [0, 1, 2]) await tile(page, `Shelf ${i}`).waitFor();
  await assertAccessible(page, 'an import');

  // As a server that is slow tells it, which forgets what it was told to end.
  let gone = false;
  await page.route('**/v1/imports**', route => {
    if (gone) return route.fulfill({status: 404, json: {error: {code: 'not_found', message: 'gone', hint: ''}}});
    gone = route.request().method() === 'DELETE';
    const state = gone ? 'cancelled' : 'running';
    return route.fulfill({json: {id: 7, state, message: null, total: 4, done: 2, added: 2, existing: 0, relabelled: 0, failed: 0, errors: []}});
  });
  await page.getByLabel('Import a folder').setInputFiles(products);
  await page.getByText('2 of 4 photos').waitFor();
  await shoot(page, 'import');
  await page.getByRole('button', {name: 'Stop'}).click();
  await said(page, 'Stopped: 2 photos added');
  assert.ok(gone);
  await page.getByRole('button', {name: 'Close'}).click();
  for (const i of [0, 1, 2]) {
    await tile(page, `Shelf ${i}`).click();
    await dialog(page).getByRole('button', {name: 'Remove product'}).click();
    await dialog(page).getByRole('button', {name: 'Remove product'}).click();
    await said(page, `Shelf ${i} removed`);
  }
});

onPage('an import that is stopped says what it added, and adds no more', {}, async page => {
  const products = path.join(folder, 'large shop', 'Shelf');
  mkdirSync(products, {recursive: true});
  const photo = readFileSync(photos.strange[9].photo);
  for (let i = 0; i < 300; ++i)  // what follows a JPEG's end makes it another file
    writeFileSync(path.join(products, `${i}.jpg`), Buffer.concat([photo, Buffer.from(`${i}`)]));
  const items = async () => (await (await fetch(`${server.url}/v1/status`)).json()).items;
  const before = await items();
  await visit(page);
  await open(page, 'Catalogue');
  await page.getByLabel('Import a folder').setInputFiles(path.dirname(products));
  await page.locator('#import').getByText('of 300 photos').waitFor();
  await page.getByRole('button', {name: 'Stop'}).click();
  const told = page.locator('#import p', {hasText: /^Stopped: \d+ photos? added$/});
  await told.waitFor();
  const added = Number((await told.textContent()).match(/\d+/)[0]);
  assert.ok(added < 300, `${added}`);
  await new Promise(resolve => setTimeout(resolve, 1000));
  assert.equal(await items() - before, added);
  const {jobs} = await (await fetch(`${server.url}/v1/imports`)).json();
  assert.deepEqual(jobs.filter(({state}) => ['waiting', 'running'].includes(state)), []);
  await fetch(`${server.url}/v1/labels/Shelf`, {method: 'DELETE'});
});

onPage('another model takes over, or the present one stays when photos are gone', {}, async page => {
  const other = await serve(folder, '--gallery', 'upgraded.db'), lost = path.join(folder, 'photos', 'lost');
  const [first] = readFileSync(path.join(folder, 'train.csv'), 'utf8').split('\n').slice(1), there = path.join(folder, first.split(',')[0]);
  const upgrade = async file => {
    await page.locator('#figures [aria-busy=true]').waitFor({state: 'detached'});
    await page.getByLabel('Upgrade the model').setInputFiles(file);
    await dialog(page).getByRole('button', {name: 'Upgrade'}).click();
  };
  const told = page.locator('#upgrade p');
  try {
    execFileSync(writeTinyModel, [path.join(folder, 'next.onnx'), '3']);
    await visit(page, other.url);
    await open(page, 'Figures');
    await page.getByLabel('Upgrade the model').setInputFiles(path.join(folder, 'next.onnx'));
    await assertAccessible(page, 'before an upgrade');
    await dialog(page).getByRole('button', {name: 'Cancel'}).click();
    await upgrade({name: 'notes.onnx', mimeType: '', buffer: Buffer.from('no model')});
    await told.getByText('notes.onnx is no model of shoplens').waitFor();
    await upgrade(path.join(folder, 'model.onnx'));
    await told.getByText('The catalogue has that model already.').waitFor();

    renameSync(there, lost);
    await upgrade(path.join(folder, 'next.onnx'));
    await told.getByText('The model stays. 1 photo could not be read').waitFor();
    await page.locator('#upgrade li', {hasText: path.basename(there)}).waitFor();
    await assertAccessible(page, 'a failed upgrade');
    await shoot(page, 'upgrade-failed');
    renameSync(lost, there);
    await upgrade(path.join(folder, 'next.onnx'));
    await told.getByText('Upgraded.').waitFor();
    await assertNoSidewaysScroll(page, 'an upgrade');
    await shoot(page, 'upgraded');

    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', {name: 'Download a snapshot'}).click()]);
    assert.equal(download.suggestedFilename(), 'gallery.db');
    assert.equal(readFileSync(await download.path()).toString('latin1', 0, 15), 'SQLite format 3');

    // As a server with many photos tells it; found again when the page is loaded anew.
    const job = {id: 7, state: 'running', message: null, total: 4000, done: 1500, added: 0, existing: 0, relabelled: 0, failed: 0, errors: []};
    await page.route('**/v1/upgrades*', route => route.fulfill({json: {jobs: [job]}}));
    await page.route('**/v1/upgrades/7', route =>
      route.fulfill({json: route.request().method() === 'DELETE' ? {...job, state: 'cancelled'} : job}));
    await page.reload();
    await told.getByText('1,500 of 4,000 photos embedded').waitFor();
    await assertAccessible(page, 'an upgrade');
    await shoot(page, 'upgrade');
    await page.getByRole('button', {name: 'Stop'}).click();
    await told.getByText('The upgrade was stopped').waitFor();
    await page.getByRole('button', {name: 'Close'}).click();
    await page.locator('#upgrade').waitFor({state: 'hidden'});
  } finally {
    await other.stop();
  }
}, /409|422|REFUSED/);  // the figures are asked for also when the server has ended

onPage('figures are drawn from what the server counts', {}, async page => {
  await visit(page);
  await ask(page, photos.right[1]);
  await open(page, 'Figures');
  await page.getByText('Time to an answer').waitFor();
  assert.equal(await page.locator('.chart').count(), 3);
  await page.locator('.chart .bar').first().waitFor();
  await page.locator('.chart .stroke').waitFor({state: 'attached'});  // two looks at it
  await shoot(page, 'figures');
  const pause = page.getByRole('button', {name: 'Pause'});
  await pause.click();
  assert.equal(await pause.getAttribute('aria-pressed'), 'true');
  await page.waitForTimeout(500);  // for what was on its way
  const drawn = await page.locator('#charts').evaluateHandle(charts => charts.firstChild);
  await page.waitForTimeout(2500);
  assert.ok(await drawn.evaluate(chart => chart.isConnected));
  await pause.click();
  await page.route('**/metrics', route => route.abort());
  await page.getByText(/The server does not answer.+These figures are of/).waitFor();
  await page.unroute('**/metrics');
  await page.getByText('drawn anew every two seconds').waitFor();
}, /Failed to load resource/);

onPage('pictures that a server had no time for are there a little later', {}, async page => {
  const busy = await serve(folder, '--gallery', 'other.db', '--rate', '2', '--burst', '4');
  try {
    const limited = page.waitForResponse(response => response.status() === 429 && response.url().includes('/photo'));
    await visit(page, busy.url);
    await page.waitForTimeout(2500);  // for what the page itself asks
    await open(page, 'Catalogue');
    await limited;
    await page.waitForFunction(() => {
      const pictures = [...document.querySelectorAll('#products img')];
      return pictures.length > 4 && pictures.every(image => image.naturalWidth);
    });
    assert.equal(await page.locator('.gone').count(), 0);
  } finally {
    await busy.stop();
  }
}, /429/);

onPage('an empty catalogue says how to begin; tokens are asked for, and what each may', {}, async page => {
  const tokens = Object.fromEntries(['read', 'write', 'admin'].map(role =>
    [role, shoplens(folder, 'token', '--tokens', 'tokens.txt', '--name', role, '--role', role).trim()]));
  const other = await serve(folder, '--gallery', 'other.db', '--tokens', 'tokens.txt');
  try {
    const headers = {Authorization: `Bearer ${tokens.write}`};
    const {labels} = await (await fetch(`${other.url}/v1/labels`, {headers})).json();
    for (const {label} of labels) await fetch(`${other.url}/v1/labels/${encodeURIComponent(label)}`, {method: 'DELETE', headers});

    await visit(page, other.url);
    await dialog(page).waitFor();
    await page.keyboard.press('Escape');
    await open(page, 'Catalogue');
    await said(page, 'press Token above');
    assert.equal(await dialog(page).count(), 0);
    await open(page, 'Recognise');
    await page.getByRole('button', {name: 'Token'}).click();
    await dialog(page).getByLabel('Token').fill('wrong');
    await assertAccessible(page, 'the token dialogue');
    await dialog(page).getByRole('button', {name: 'Sign in'}).click();
    await said(page, 'does not know that token');
    await shoot(page, 'token');
    await dialog(page).getByLabel('Token').fill(tokens.read);
    await dialog(page).getByRole('button', {name: 'Sign in'}).click();
    await heading(page, 'Your catalogue has no products yet').waitFor();
    await assertAccessible(page, 'an empty catalogue');
    await shoot(page, 'empty');
    await page.getByRole('button', {name: 'Add the first product'}).click();
    await dialog(page).getByLabel('Product').fill('First');
    await dialog(page).getByLabel('Choose photos').setInputFiles(photos.right[0].photo);
    await dialog(page).getByRole('button', {name: 'Add 1 photo'}).click();
    await said(page, 'This token may look at the catalogue');
    await page.keyboard.press('Escape');
    await open(page, 'Catalogue');
    await heading(page, 'No products yet').waitFor();
    await shoot(page, 'empty-catalogue');

    await page.getByRole('button', {name: 'Token'}).click();
    await dialog(page).getByLabel('Token').fill(tokens.write);
    await dialog(page).getByRole('button', {name: 'Sign in'}).click();
    await dialog(page).waitFor({state: 'hidden'});
    await page.getByRole('button', {name: 'Add a product'}).click();
    await dialog(page).getByLabel('Product').fill('First');
    await dialog(page).getByLabel('Choose photos').setInputFiles(photos.right[0].photo);
    await dialog(page).getByRole('button', {name: 'Add 1 photo'}).click();
    await said(page, '1 photo of First added');
    await page.waitForFunction(() => document.querySelector('#products img')?.naturalWidth > 0);  // fetched with the token
    await open(page, 'Recognise');
    await ask(page, photos.right[0]);
    await page.locator('.name').waitFor();

    await open(page, 'Figures');
    await page.getByText('sign in with the token of an admin').waitFor();
    await page.getByLabel('Upgrade the model').waitFor({state: 'hidden'});
    await shoot(page, 'figures-no-admin');
    await page.getByRole('button', {name: 'Token'}).click();
    await dialog(page).getByLabel('Token').fill(tokens.admin);
    await dialog(page).getByRole('button', {name: 'Sign in'}).click();
    await Promise.all([page.waitForEvent('download'), page.getByRole('button', {name: 'Download a snapshot'}).click()]);
  } finally {
    await other.stop();
  }
}, /401|403|REFUSED/);
