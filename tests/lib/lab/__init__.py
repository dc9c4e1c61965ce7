# SPDX-License-Identifier: BSD-3-Clause
"""A laboratory: network namespaces, millrace's processes in them, a browser.

What scripts/demo, scripts/bench and the end-to-end and pipeline tests share.
Everything a run makes carries the run's pid in its name and is taken away by
Lab.close(), also after a failure; what a killed run left behind is removed by
the next one. Nothing outside the namespaces is addressed.

	with Lab('demo') as lab:
		lab.wire()
		gateway = Gateway(lab, session)
		gateway.start()
"""
from .net import Lab, LabError, inside
from .process import Failure, Process
from .gateway import BUILD, TOP, Camera, Gateway, one_camera, program, session_file
from .browser import Browser, play, private_places
from .loss import BURST3, RANDOM1, RANDOM2, RANDOM5, Dead, Loss, Reorder
from .client import Receiver, Viewer, offer, raw_request, request, view
from .ice import Candidate, binding, client_hello

__all__ = ['BUILD', 'BURST3', 'RANDOM1', 'RANDOM2', 'RANDOM5', 'TOP', 'Browser', 'Camera',
           'Candidate', 'Dead', 'Failure', 'Gateway', 'Lab', 'LabError', 'Loss', 'Process',
           'Receiver', 'Reorder', 'Viewer', 'binding', 'client_hello', 'inside', 'offer',
           'one_camera', 'play', 'private_places', 'program', 'raw_request', 'request',
           'session_file', 'view']
