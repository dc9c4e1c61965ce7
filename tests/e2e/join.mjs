// SPDX-License-Identifier: BSD-3-Clause
// Joins a page at random moments in a headless browser, and prints as one JSON object on
// the last line how soon each showed a frame after DTLS was done, and how it went on.
//
// usage: node join.mjs --url URL --profile-dir DIR [--joins N] [--seconds N]
//                      [--every SECONDS] [--settle SECONDS] [--browser chromium|firefox]
import { parseArgs } from 'node:util';
import { launch } from './launch.mjs';

const { values: options } = parseArgs({
  options: {
    url: { type: 'string' },
    browser: { type: 'string', default: 'chromium' },
    'profile-dir': { type: 'string' },
    joins: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '8' }, // that each stays
    every: { type: 'string', default: '4' }, // seconds from join to join, on average
    settle: { type: 'string', default: '5' }, // seconds before delay and rate are measured
  },
});

const FLAGS = [
  '--disable-backgrounding-occluded-windows', '--disable-renderer-backgrounding',
  '--disable-background-timer-throttling',
];

// In the page, before its own scripts: when DTLS was done, when a frame was decoded, and how
// many frames were given to the compositor.
function hook() {
  const Native = window.RTCPeerConnection;
  const seen = { pc: null, startedAt: performance.now(), dtlsAt: null, decodedAt: null,
    presented: 0 };
  window.millraceSeen = seen;
  async function watch() {
    const receiver = seen.pc.getReceivers().find((r) => r.track.kind === 'video');
    const report = receiver ? await receiver.getStats() : [];
    report.forEach((s) => {
      if (s.type === 'inbound-rtp' && s.framesDecoded > 0) seen.decodedAt ??= performance.now();
    });
    if (seen.decodedAt === null) setTimeout(watch, 5);
  }
  function present() {
    const video = document.querySelector('video');
    if (video === null) {
      setTimeout(present, 5);
      return;
    }
    video.requestVideoFrameCallback((_, metadata) => {
      seen.presented = metadata.presentedFrames;
      present();
    });
  }
  window.RTCPeerConnection = class extends Native {
    constructor(...args) {
      super(...args);
      seen.pc = this;
      this.addEventListener('connectionstatechange', () => {
        if (this.connectionState !== 'connected' || seen.dtlsAt !== null) return;
        seen.dtlsAt = performance.now();
        watch();
        present();
      });
    }
  };
}

async function look() {
  const { pc, dtlsAt, decodedAt, startedAt, presented } = window.millraceSeen;
  const seen = {
    at: performance.now(), startedAt, dtlsAt, decodedAt, presented, state: pc?.connectionState,
  };
  if (!pc) return seen;
  (await pc.getStats()).forEach((s) => {
    if (s.type === 'inbound-rtp' && s.kind === 'video') seen.video = { ...s };
  });
  return seen;
}

const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
const round = (x) => (Number.isFinite(x) ? Math.round(x * 100) / 100 : null);

function figures(from, to) {
  const a = from.video ?? {};
  const b = to.video ?? {};
  const frames = b.framesDecoded - a.framesDecoded;
  return {
    state: to.state ?? 'new',
    firstFrameMs: to.decodedAt === null || to.dtlsAt === null ? null : round(to.decodedAt - to.dtlsAt),
    connectMs: to.dtlsAt === null ? null : round(to.dtlsAt - to.startedAt),
    framesDecoded: b.framesDecoded ?? 0,
    framesDropped: b.framesDropped ?? 0,
    freezeCount: b.freezeCount ?? 0,
    totalFreezesMs: round(1000 * b.totalFreezesDuration),
    framesPerSecond: round(frames / ((to.at - from.at) / 1000)),
    // of those that came since it has settled
    framesReceivedThen: b.framesReceived - a.framesReceived,
    framesDroppedThen: b.framesDropped - a.framesDropped,
    framesDecodedThen: frames,
    framesPresentedThen: to.presented - from.presented,
    // from a frame's first packet to its end of decoding, once it has settled
    delayMs: frames > 0 ? round(1000 * (b.totalProcessingDelay - a.totalProcessingDelay) / frames) : null,
    jitterBufferDelayMs: round(1000 * (b.jitterBufferDelay - a.jitterBufferDelay)
      / (b.jitterBufferEmittedCount - a.jitterBufferEmittedCount)),
    packetsReceived: b.packetsReceived ?? 0,
    packetsLost: b.packetsLost ?? 0,
    nackCount: b.nackCount ?? 0,
    pliCount: b.pliCount ?? 0,
    keyFramesDecoded: b.keyFramesDecoded ?? 0,
  };
}

async function join(context, number) {
  const page = await context.newPage();
  page.on('pageerror', (e) => console.error(`join ${number}: ${e.message}`));
  await page.addInitScript(hook);
  await page.goto(options.url, { timeout: 15000 });
  await sleep(1000 * options.settle);
  const from = await page.evaluate(look);
  await sleep(1000 * (options.seconds - options.settle));
  const to = await page.evaluate(look);
  await page.goto('about:blank'); // the page says good-bye
  await page.close();
  return figures(from, to);
}

const context = await launch(options.browser, options['profile-dir'], { width: 640, height: 360 }, FLAGS);
try {
  const running = [];
  for (let n = 1; n <= Number(options.joins); n += 1) {
    running.push(join(context, n).catch((e) => ({ error: e.message })));
    await sleep(1000 * options.every * (0.5 + Math.random()));
  }
  console.log(JSON.stringify({ joins: await Promise.all(running) }));
} finally {
  await context.close();
}
