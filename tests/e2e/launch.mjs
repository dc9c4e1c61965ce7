// SPDX-License-Identifier: BSD-3-Clause
// Headless Chromium or Firefox ESR for play.mjs, join.mjs and sample.mjs: how it is started, and
// that it ends soon, with all it started, when this program is told to.
import { mkdirSync } from 'node:fs';
import { chromium, firefox } from 'playwright-core';

const CHROMIUM = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
];
const FIREFOX = {
  'media.autoplay.default': 0, // allowed
  // as Chromium's flags of join.mjs: pages that are not in front are not slowed down
  'dom.min_background_timeout_value': 4,
  'dom.timeout.enable_budget_timer_throttling': false,
  'widget.windows.window_occlusion_tracking.enabled': false,
  // it is in a network without names, and H.264 would come from another one
  'media.gmp-manager.updateEnabled': false,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
};
const CLOSING_MS = 1500;
const HANDLERS = { handleSIGTERM: false, handleSIGINT: false, handleSIGHUP: false };

async function startChromium(directory, viewport, flags) {
  mkdirSync(directory, { recursive: true });
  return chromium.launchPersistentContext(directory, {
    executablePath: '/usr/bin/chromium', args: [...CHROMIUM, ...flags], viewport, ...HANDLERS,
  });
}

// By WebDriver BiDi, as the distribution's Firefox has it. It knows no context but one of a browser
// with a profile of its own, which is in TMPDIR.
async function startFirefox(viewport) {
  const browser = await firefox.launch({
    channel: 'moz-firefox', executablePath: '/usr/bin/firefox-esr', firefoxUserPrefs: FIREFOX, ...HANDLERS,
  });
  const context = await browser.newContext({ viewport });
  return { newPage: () => context.newPage(), close: () => browser.close() };
}

// Gives what has newPage() and close(). What is left of the browser when this program exits is
// killed.
export async function launch(name, directory, viewport, flags = []) {
  let context = null;
  const end = () => {
    setTimeout(() => process.exit(0), CLOSING_MS);
    const closed = context ? context.close().catch(() => {}) : Promise.resolve();
    closed.then(() => process.exit(0));
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.once(signal, end);
  context = await (name === 'firefox' ? startFirefox(viewport) : startChromium(directory, viewport, flags));
  return context;
}
