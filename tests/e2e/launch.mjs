// SPDX-License-Identifier: BSD-3-Clause
// Headless Chromium for play.mjs and join.mjs: how it is started, and that it ends soon,
// with all it started, when this program is told to.
import { mkdirSync } from 'node:fs';
import { chromium } from 'playwright-core';

const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
];
const CLOSING_MS = 1500;

// Gives a browser context. What is left of the browser when this program exits is killed.
export async function launch(directory, viewport, flags = []) {
  let context = null;
  const end = () => {
    setTimeout(() => process.exit(0), CLOSING_MS);
    const closed = context ? context.close().catch(() => {}) : Promise.resolve();
    closed.then(() => process.exit(0));
  };
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.once(name, end);
  mkdirSync(directory, { recursive: true });
  context = await chromium.launchPersistentContext(directory, {
    executablePath: '/usr/bin/chromium', args: [...FLAGS, ...flags], viewport,
    handleSIGTERM: false, handleSIGINT: false, handleSIGHUP: false,
  });
  return context;
}
