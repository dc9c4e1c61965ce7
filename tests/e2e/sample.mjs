// SPDX-License-Identifier: BSD-3-Clause
// Plays a page in a headless browser and prints as one JSON object on the last line what its video
// looked like, ten times a second, by the clock of the machine.
//
// usage: node sample.mjs --url URL --profile-dir DIR [--seconds N] [--browser chromium|firefox]
// SIGUSR2 ends it early.
import { parseArgs } from 'node:util';
import { launch } from './launch.mjs';

const { values: options } = parseArgs({
  options: {
    url: { type: 'string' },
    browser: { type: 'string', default: 'chromium' },
    'profile-dir': { type: 'string' },
    seconds: { type: 'string', default: '10' },
  },
});

// In the page, before its own scripts: remember its connection, and count frames on the screen.
function hook() {
  const Native = window.RTCPeerConnection;
  const seen = { pc: null, shown: 0 };
  window.millraceSeen = seen;
  window.RTCPeerConnection = class extends Native {
    constructor(...args) {
      super(...args);
      seen.pc = this;
    }
  };
  addEventListener('DOMContentLoaded', () => {
    const video = document.querySelector('video');
    const count = (_, metadata) => {
      seen.shown = metadata.presentedFrames;
      video.requestVideoFrameCallback(count);
    };
    video?.requestVideoFrameCallback(count);
  });
}

async function look() {
  const { pc, shown } = window.millraceSeen;
  const seen = { at: Date.now(), shown };
  (await pc?.getStats())?.forEach((s) => {
    if (s.type !== 'inbound-rtp' || s.kind !== 'video') return;
    for (const name of ['framesDecoded', 'framesDropped', 'keyFramesDecoded', 'freezeCount', 'pliCount',
      'nackCount', 'packetsLost', 'packetsReceived', 'totalProcessingDelay', 'jitterBufferDelay',
      'jitterBufferEmittedCount', 'totalFreezesDuration']) seen[name] = s[name] ?? 0;
  });
  return seen;
}

const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

let ending = false;
process.on('SIGUSR2', () => { ending = true; });
const context = await launch(options.browser, options['profile-dir'], { width: 640, height: 360 });
try {
  const page = await context.newPage();
  page.on('pageerror', (e) => console.error(e.message));
  await page.addInitScript(hook);
  await page.goto(options.url, { timeout: 15000 });
  const samples = [];
  for (const end = Date.now() + 1000 * options.seconds; Date.now() < end && !ending; await sleep(100)) {
    samples.push(await page.evaluate(look));
  }
  console.log(JSON.stringify({ samples }));
  await page.goto('about:blank'); // the page says good-bye
} finally {
  await context.close();
}
