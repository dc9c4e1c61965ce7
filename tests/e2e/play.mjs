// SPDX-License-Identifier: BSD-3-Clause
// Plays a page in a headless browser, N times at once, and prints what getStats()
// says of each as one JSON object on the last line. Works with any page that makes
// an RTCPeerConnection and has a video element.
//
// usage: node play.mjs --url URL [--viewers N] [--seconds N] [--profile-dir DIR]
//                      [--screenshot FILE] [--patience SECONDS] [--restart-ice] [--keep]
//                      [--browser chromium|firefox]
import { parseArgs } from 'node:util';
import { launch } from './launch.mjs';

const { values: options } = parseArgs({
  options: {
    url: { type: 'string' },
    browser: { type: 'string', default: 'chromium' },
    viewers: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '10' },
    patience: { type: 'string', default: '15' }, // seconds for the first frame
    'profile-dir': { type: 'string' },
    screenshot: { type: 'string' },
    'restart-ice': { type: 'boolean', default: false }, // half-way, by WHEP's PATCH
    keep: { type: 'boolean', default: false }, // end without the page's good-bye
  },
});

// In the page, before its own scripts: remember its connections and its first frame.
function hook() {
  const Native = window.RTCPeerConnection;
  const seen = { connections: [], firstFrame: null };
  window.millraceSeen = seen;
  window.RTCPeerConnection = class extends Native {
    constructor(...args) {
      super(...args);
      seen.connections.push({ pc: this, at: performance.now() });
    }
  };
  addEventListener('DOMContentLoaded', () => {
    document.querySelector('video')?.requestVideoFrameCallback((now) => { seen.firstFrame = now; });
  });
}

// In the page: the figures of its latest connection.
async function look() {
  const { connections, firstFrame } = window.millraceSeen;
  const latest = connections[connections.length - 1];
  if (!latest) return { attempts: 0 };
  const report = await latest.pc.getStats();
  const seen = {
    attempts: connections.length, state: latest.pc.connectionState, at: performance.now(),
    startedAt: connections[0].at, firstFrameAt: firstFrame, video: null, audio: null,
  };
  report.forEach((s) => {
    if (s.type === 'inbound-rtp') {
      seen[s.kind] = {
        packetsReceived: s.packetsReceived, packetsLost: s.packetsLost, bytesReceived: s.bytesReceived,
        codec: report.get(s.codecId)?.mimeType, jitterBufferDelay: s.jitterBufferDelay,
        jitterBufferEmittedCount: s.jitterBufferEmittedCount, framesDecoded: s.framesDecoded,
        framesDropped: s.framesDropped, keyFramesDecoded: s.keyFramesDecoded,
        freezeCount: s.freezeCount, frameWidth: s.frameWidth, frameHeight: s.frameHeight,
        nackCount: s.nackCount, pliCount: s.pliCount, decoder: s.decoderImplementation,
        totalSamplesReceived: s.totalSamplesReceived, concealedSamples: s.concealedSamples,
        estimatedPlayoutTimestamp: s.estimatedPlayoutTimestamp,
      };
    } else if (s.type === 'transport') {
      seen.srtpCipher = s.srtpCipher;
      seen.dtlsState = s.dtlsState;
      seen.dtlsCipher = s.dtlsCipher;
    }
  });
  return seen;
}

// In the page: RFC 9725 4.4 (our page's own session).
async function restartIce() {
  const { connections } = window.millraceSeen;
  const { pc } = connections[connections.length - 1];
  const take = (sdp, key) => new RegExp('a=' + key + ':(\\S+)').exec(sdp)[1];
  const before = pc.remoteDescription.sdp;
  const offer = await pc.createOffer({ iceRestart: true });
  await pc.setLocalDescription(offer);
  const response = await fetch(window.millrace.resource, {
    method: 'PATCH',
    headers: { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*' },
    body: 'a=ice-ufrag:' + take(offer.sdp, 'ice-ufrag') + '\r\na=ice-pwd:' + take(offer.sdp, 'ice-pwd') +
      '\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n',
  });
  const fragment = await response.text();
  const ufrag = take(fragment, 'ice-ufrag'), pwd = take(fragment, 'ice-pwd');
  await pc.setRemoteDescription({
    type: 'answer',
    sdp: before.replace(/a=ice-ufrag:\S+/g, 'a=ice-ufrag:' + ufrag).replace(/a=ice-pwd:\S+/g, 'a=ice-pwd:' + pwd),
  });
  return response.status;
}

const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
// SIGUSR2 ends it early.
const watching = (ms) => new Promise((resolve) => {
  const timer = setTimeout(resolve, ms);
  process.on('SIGUSR2', () => { clearTimeout(timer); resolve(); });
});
const round = (x) => (Number.isFinite(x) ? Math.round(x * 100) / 100 : null);

async function firstFrame(page, until) {
  for (;;) {
    const seen = await page.evaluate(look);
    if (seen.video?.framesDecoded > 0 || Date.now() > until) return seen;
    await sleep(50);
  }
}

// Rates are those between the first frame and the end, totals are the connection's.
function figures(first, last) {
  const v = last.video ?? {};
  const from = first.video ?? {};
  const seconds = (last.at - first.at) / 1000;
  const emitted = v.jitterBufferEmittedCount - from.jitterBufferEmittedCount;
  return {
    state: last.state ?? 'new',
    attempts: last.attempts,
    framesDecoded: v.framesDecoded ?? 0,
    framesPerSecond: round((v.framesDecoded - from.framesDecoded) / seconds) ?? 0,
    packetsReceived: v.packetsReceived ?? 0,
    packetsLost: v.packetsLost ?? 0,
    srtpCipher: last.srtpCipher ?? null,
    dtlsCipher: last.dtlsCipher ?? null,
    timeToFirstFrameMs: last.firstFrameAt ? round(last.firstFrameAt - last.startedAt) : null,
    jitterBufferDelayMs: emitted > 0 ? round(1000 * (v.jitterBufferDelay - from.jitterBufferDelay) / emitted) : null,
    audioPacketsReceived: last.audio?.packetsReceived ?? 0,
    audioPacketsLost: last.audio?.packetsLost ?? 0,
    audioConcealedSamples: last.audio?.concealedSamples ?? 0,
    // what plays now of each track, on the sender's clock, milliseconds apart
    audioBehindVideoMs: last.audio?.estimatedPlayoutTimestamp && v.estimatedPlayoutTimestamp
      ? round(v.estimatedPlayoutTimestamp - last.audio.estimatedPlayoutTimestamp) : null,
    videoCodec: v.codec ?? null,
    audioCodec: last.audio?.codec ?? null,
    size: v.frameWidth ? `${v.frameWidth}x${v.frameHeight}` : null,
    framesDropped: v.framesDropped ?? 0,
    keyFramesDecoded: v.keyFramesDecoded ?? 0,
    freezeCount: v.freezeCount ?? 0,
    nackCount: v.nackCount ?? 0,
    pliCount: v.pliCount ?? 0,
  };
}

async function watch(context, number) {
  const page = await context.newPage();
  page.on('pageerror', (e) => console.error(`viewer ${number}: ${e.message}`));
  page.on('console', (m) => { if (m.type() === 'error') console.error(`viewer ${number}: ${m.text()}`); });
  await page.addInitScript(hook);
  await page.goto(options.url, { timeout: 15000 });
  const first = await firstFrame(page, Date.now() + 1000 * options.patience);
  console.error(first.video?.framesDecoded > 0 ? `viewer ${number}: plays` : `viewer ${number}: no frame, connection ${first.state}`);
  let restartStatus = null;
  if (options['restart-ice']) {
    await watching(500 * options.seconds);
    restartStatus = await page.evaluate(restartIce);
    await watching(500 * options.seconds);
  } else {
    await watching(1000 * options.seconds);
  }
  const last = await page.evaluate(look);
  if (options.screenshot && number === 1) {
    await page.keyboard.press('s'); // our page shows its figures
    await sleep(1500);
    await page.screenshot({ path: options.screenshot });
  }
  if (!options.keep) await page.goto('about:blank'); // the page says good-bye
  return { ...figures(first, last), restartStatus };
}

const context = await launch(options.browser, options['profile-dir'], { width: 1280, height: 720 });
try {
  const numbers = Array.from({ length: Number(options.viewers) }, (_, i) => i + 1);
  const outcomes = await Promise.allSettled(numbers.map((n) => watch(context, n)));
  const viewers = outcomes.map((o) => (o.status === 'fulfilled' ? o.value : { error: o.reason.message }));
  console.log(JSON.stringify({ viewers }));
} finally {
  await context.close();
}
