// SPDX-License-Identifier: Apache-2.0
// A small calibrated gallery of invented products, made with the real programs, and a server that answers from it.
import {execFileSync, spawn} from 'node:child_process';
import {once} from 'node:events';
import {copyFileSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import {createInterface} from 'node:readline';

const program = path.resolve(process.env.SHOPLENS_BIN ?? 'build/bin', 'shoplens');
export const writeTinyModel = path.resolve(process.env.SHOPLENS_TESTS ?? 'build/tests', 'write_tiny_model');

export function shoplens(folder, ...words) {
  return execFileSync(program, words, {cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore']});
}

// Makes gallery.db in the folder, with the first flavour of each brand that demo-photos draws: the tiny model tells
// hardly more than colours apart. Photos on a shelf are strangers to it. Of photos that it has not seen, returns
// {right, wrong, strange}: [{photo: path, label}], as they are answered with the right name, a wrong one, or "unknown".
export function makeGallery(folder) {
  execFileSync(writeTinyModel, [path.join(folder, 'model.onnx'), '2']);
  shoplens(folder, 'demo-photos', '--out', 'photos', '--classes', '24', '--train', '5', '--val', '5', '--test', '2', '--size', '320');
  const rows = name => readFileSync(path.join(folder, 'photos', name), 'utf8').trim().split('\n').slice(1).map(row => row.split(','));
  const brand = label => label.split('-')[0], first = new Map();
  for (const [, label] of rows('train.csv')) if (!first.has(brand(label))) first.set(brand(label), label);
  const ours = name => rows(name).filter(([, label]) => first.get(brand(label)) === label);
  const write = (name, list) => writeFileSync(path.join(folder, name), ['path,label', ...list.map(([photo, label]) =>
    `photos/${photo},${label.replaceAll('-', ' ')}`)].join('\n') + '\n');
  write('train.csv', ours('train.csv'));
  write('val.csv', ours('val.csv'));
  write('strangers.csv', rows('test.csv'));
  shoplens(folder, 'index', 'build', '--data', 'train.csv', '--model', 'model.onnx', '--precision', 'f32');
  shoplens(folder, 'calibrate', '--data', 'val.csv', '--strangers', 'strangers.csv', '--precision', 'f32');

  const predict = name => JSON.parse(shoplens(folder, 'predict', name, '--precision', 'f32', '--json'));
  const label = photo => photo.split('/').at(-2).replaceAll('-', ' ');
  const photos = list => list.map(answer => ({photo: path.join(folder, answer.path), label: label(answer.path)}));
  const known = predict('val.csv').filter(answer => !answer.unknown).sort((a, b) => b.probability - a.probability);
  return {
    right: photos(known.filter(answer => answer.label === label(answer.path))),
    wrong: photos(known.filter(answer => answer.label !== label(answer.path))),
    strange: photos(predict('strangers.csv').filter(answer => answer.unknown)),
  };
}

// Copies the gallery that ./demo made, of a network that was trained, and calibrates it. Returns a photo that it names right.
export function copyDemo(demo, folder) {
  mkdirSync(folder);
  for (const name of ['gallery.db', 'model.onnx']) copyFileSync(path.join(demo, name), path.join(folder, name));
  const list = name => path.join(demo, 'photos', `${name}.csv`);
  shoplens(folder, 'calibrate', '--data', list('val'), '--precision', 'f32');
  const [sure] = JSON.parse(shoplens(folder, 'predict', list('test'), '--precision', 'f32', '--json'))
    .filter(({label, path, unknown}) => !unknown && label === path.split('/').at(-2)).sort((a, b) => b.probability - a.probability);
  return {photo: path.resolve(folder, sure.path), label: sure.label};
}

// Starts a server on a free port; returns {url, stop}.
export async function serve(folder, ...words) {
  const server = spawn(program, ['serve', '--port', '0', '--precision', 'f32', ...words], {cwd: folder, stdio: ['ignore', 'ignore', 'pipe']});
  const lines = [];
  for await (const line of createInterface({input: server.stderr})) {
    lines.push(line);
    const url = line.match(/serving .* on (http:\S+)/)?.[1];
    if (!url) continue;
    server.stderr.resume();
    return {url, stop: async () => {
      server.kill('SIGTERM');
      if (server.exitCode === null) await once(server, 'exit');
    }};
  }
  throw new Error(`the server ended:\n${lines.join('\n')}`);
}

// A proxy that has the server at `url` below `path`, as nginx does with `location PATH/ { proxy_pass URL/; }`.
export async function proxy(url, path) {
  const server = http.createServer((request, response) => {
    if (!request.url.startsWith(`${path}/`)) return response.writeHead(404).end();
    const {method, headers} = request;
    request.pipe(http.request(url + request.url.slice(path.length), {method, headers}, answer => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    }).on('error', () => response.destroy()));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {url: `http://127.0.0.1:${server.address().port}${path}/`, stop: () => { server.close(); server.closeAllConnections(); }};
}
