#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The work of scripts/bench join: a browser joins a camera with 10 s between its key frames at
random moments, with the start at the last key frame and without."""
import json
import statistics
import sys

from jitter import JitterySource
from joins import GOP, Joins, scene, slow_link, watched
from measuring import (bit_rate, between, laboratory, parser, picture_size, rate, rate_bits, report,
                       run, say, within)

VIDEO = {'chromium': 'h264', 'firefox': 'vp8'}


def parse(args):
    p = parser('join', 'A browser joins a camera with 10 s between its key frames at random '
               'moments, with the start at the last key frame and without.', judge)
    p.add_argument('--browser', choices=['chromium', 'firefox'], default='chromium',
                   help='Chromium gets H.264, Firefox VP8 (default chromium)')
    p.add_argument('--joins', type=within(1, 10000), default=20, metavar='N', help='of each kind')
    p.add_argument('--size', type=picture_size, default='1280x720', metavar='WxH', help='of the picture')
    p.add_argument('--bitrate', type=bit_rate, default='2500k', metavar='RATE', help='of the video')
    p.add_argument('--every', type=between(0.1, 3600), metavar='SECONDS',
                   help='from join to join, on average (default 5; with --link so many that '
                   'nobody joins beside another)')
    p.add_argument('--link', type=rate, metavar='RATE',
                   help='of a slow wire to the browser, as tc has it: 10mbit')
    p.add_argument('--jitter', type=between(0, 1000), metavar='MS',
                   help='frames leave the sender up to so late')
    return p.parse_args(args)


def judge(options):
    if options.jitter and options.browser == 'firefox':
        return '--jitter sends H.264, which Firefox has not got'
    if options.link and rate_bits(options.link) <= rate_bits(options.bitrate):
        return f'--link {options.link} does not carry --bitrate {options.bitrate}'
    return None


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def measure(options, cache):
    with laboratory('join') as lab:
        return joins_of(lab, options, cache)


def joins_of(lab, options, cache):
    source = None
    if options.jitter:
        lab.wire()
        source = JitterySource(lab, options.jitter / 1000, GOP, options.size,
                               str(rate_bits(options.bitrate) // 1000)).source
    gateway = scene(lab, '--size', options.size, '--bitrate', options.bitrate, '--video',
                    VIDEO[options.browser], cache=cache, source=source)
    namespace = slow_link(lab, options.link) if options.link else None
    # without the cache a join may wait for 10 s
    settle = 5 if cache else 15
    stay = settle + 3
    every = options.every or (2 * stay if options.link else 5)
    client = Joins(lab, gateway.url('cam1'), options.joins, '--settle', settle, seconds=stay,
                   every=every, namespace=namespace, browser=options.browser)
    found, tracks = watched(client, gateway)
    # each in the order of joining
    for j, t in zip(found, tracks):
        j['burstMs'], j['burstMbit'] = t['burstMs'], round(8e-6 * t['burstBytes'], 1)
        if options.link:
            j['burstLeastMs'] = least_ms(j['burstMbit'], options)
    for j in found:
        say(json.dumps(j))
    return found


def least_ms(kept, options):
    """What was kept, over what the stream itself leaves of the wire."""
    return round(1e9 * kept / (rate_bits(options.link) - rate_bits(options.bitrate)))


def figures(joins, reference):
    first = [j['firstFrameMs'] for j in joins if j['firstFrameMs'] is not None]
    delays = [j['delayMs'] for j in joins if j['delayMs'] is not None]
    return {
        'joins': len(joins),
        'p50FirstFrameMs': percentile(first, 0.5), 'p95FirstFrameMs': percentile(first, 0.95),
        'addedDelayMs': round(statistics.median(delays) - reference, 1) if delays else None,
        'freezeCount': sum(j['freezeCount'] for j in joins),
        'framesDropped': sum(j['framesDropped'] for j in joins),
        'maxAddedDelayMs': round(max(delays) - reference, 1) if delays else None,
        'noFrame': len(joins) - len(first),
        'longestFreezeMs': max(j['totalFreezesMs'] or 0 for j in joins),
        'framesPerSecond': percentile([j['framesPerSecond'] or 0 for j in joins], 0.05),
        'p95BurstMs': percentile([j.get('burstMs') or 0 for j in joins], 0.95),
        'maxBurstMs': max(j.get('burstMs') or 0 for j in joins),
        'plis': sum(j['pliCount'] for j in joins),
    }


def table(result):
    rows = [(key, result['withCache'][key], result['withoutCache'][key])
            for key in result['withCache']]
    return '\n'.join([f'  {"":<20}{"with cache":>12}{"without":>12}'] +
                     [f'  {key:<20}{str(a):>12}{str(b):>12}' for key, a, b in rows])


def main():
    options = parse(sys.argv[1:])
    say(f'{options.joins} joins, each waiting for a key frame')
    without = measure(options, False)
    say(f'{options.joins} joins at the last key frame')
    cached = measure(options, True)
    delays = [j['delayMs'] for j in without if j['delayMs'] is not None]
    reference = statistics.median(delays) if delays else 0
    result = {'withCache': figures(cached, reference), 'withoutCache': figures(without, reference)}
    report(result, table(result), options.json)


if __name__ == '__main__':
    sys.exit(run(main))
