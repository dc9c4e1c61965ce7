# SPDX-License-Identifier: BSD-3-Clause
"""From what the browser and the data plane counted to one verdict.

usage: verdict.py PROBLEM     prints that of a run that did not come to play, as JSON
"""
import json
import sys

NEAR = 0.95  # of the camera's frame rate


def problems_of(number, viewer, fps):
    if 'error' in viewer:
        return [f'viewer {number}: {viewer["error"]}']
    if viewer['framesDecoded'] == 0:
        return [f'viewer {number}: no frame decoded (connection {viewer["state"]})']
    found = []
    if viewer['framesPerSecond'] < NEAR * fps:
        found.append(f'viewer {number}: {viewer["framesPerSecond"]} frames/s of {fps}')
    lost = viewer['packetsLost'] + viewer['audioPacketsLost']
    if lost != 0:
        found.append(f'viewer {number}: {lost} packets lost')
    if viewer['audioPacketsReceived'] == 0:
        found.append(f'viewer {number}: no audio')
    return found


def judge(viewers, dataplane, transport, fps):
    """Counts are sums over the viewers; rates and times those of the worst of them."""
    good = [v for v in viewers if 'error' not in v]
    problems = [p for i, v in enumerate(viewers, 1) for p in problems_of(i, v, fps)]

    def total(key):
        return sum(v[key] for v in good)

    def worst(key, choose):
        values = [v[key] for v in good if v[key] is not None]
        return choose(values) if values else None

    ciphers = sorted({v['srtpCipher'] for v in good if v['srtpCipher']})
    return {
        'ok': not problems,
        'problems': problems,
        'framesDecoded': total('framesDecoded'),
        'framesPerSecond': worst('framesPerSecond', min),
        'packetsReceived': total('packetsReceived'),
        'packetsLost': total('packetsLost'),
        'srtpCipher': ', '.join(ciphers) or None,
        'timeToFirstFrameMs': worst('timeToFirstFrameMs', max),
        'jitterBufferDelayMs': worst('jitterBufferDelayMs', max),
        'audioPacketsReceived': total('audioPacketsReceived'),
        'audioPacketsLost': total('audioPacketsLost'),
        'cameraTransport': transport,
        'dataplane': dataplane,
        'viewers': viewers,
    }


def unknown(problem):
    """Of a run that counted nothing: the same keys."""
    return {**dict.fromkeys(judge([], None, None, 0)), 'ok': False, 'problems': [problem]}


def describe(verdict):
    """A few lines for people."""
    lines = [f'  {p}' for p in verdict['problems']]
    if verdict['dataplane'] is not None:
        d = verdict['dataplane']
        drops = ', '.join(f'{n} {name}' for name, n in d['drops'].items()) or 'none'
        rows = [
            ('frames decoded', f'{verdict["framesDecoded"]} from the last key frame on, '
                               f'{verdict["framesPerSecond"]} /s'),
            ('packets', f'{verdict["packetsReceived"]} of video, {verdict["packetsLost"]} lost, '
                        f'{verdict["audioPacketsReceived"]} of audio'),
            ('cipher', verdict['srtpCipher']),
            ('first frame after', f'{verdict["timeToFirstFrameMs"]} ms'),
            ('jitter buffer', f'{verdict["jitterBufferDelayMs"]} ms'),
            ('camera pulled over', verdict['cameraTransport']),
            ('data plane', f'{d["rxPackets"]} packets in, {d["txPackets"]} out, dropped: {drops}'),
        ]
        lines += [f'  {name:<20}{value}' for name, value in rows]
    return '\n'.join([*lines, 'ok: it plays' if verdict['ok'] else 'failed'])


if __name__ == '__main__':
    print(json.dumps(unknown(sys.argv[1])))
