#!/usr/bin/env python3
"""record.py [BINARY] - make the recordings of this folder anew.

They are no answers of a model: a script on this machine plays the provider, and
quipu records it as it would record anybody. Needs nothing but Python.
"""
import json
import os
import shutil
import subprocess
import sys

here = os.path.dirname(os.path.abspath(__file__))
root = os.path.dirname(os.path.dirname(here))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(root, 'tests', 'e2e'))

from upstream import DONE, Upstream  # noqa: E402

MODEL = 'quipu-example'
HEAD = {'id': 'chatcmpl-example', 'object': 'chat.completion.chunk', 'created': 1767225600, 'model': MODEL}

POEMS = ('Knots on a cord of wool:\nwhat the runner carried\nnobody could misread.',
         'Ask once, and tie a knot.\nAsk again: the cord answers,\nno key, no network.')

STREAM = {'model': f'openai/{MODEL}', 'n': 2, 'stream': True,
          'messages': [{'role': 'user', 'content': 'Two short poems about a quipu, please.'}]}
TOOL = {'model': f'openai/{MODEL}',
        'messages': [{'role': 'user', 'content': 'How high is Cusco?'}],
        'tools': [{'type': 'function', 'function': {
            'name': 'elevation', 'parameters': {'type': 'object', 'properties': {'place': {'type': 'string'}}}}}]}


def delta(index, finish=None, **text):
    choice = {'index': index, 'delta': text, 'finish_reason': finish}
    return b'data: ' + json.dumps({**HEAD, 'choices': [choice]}, separators=(',', ':')).encode() + b'\n\n'


def words(text):
    """Pieces as a model would make them: a word and the space before it."""
    pieces = text.replace('\n', ' \n').split(' ')
    return [pieces[0]] + [piece if piece.startswith('\n') else ' ' + piece for piece in pieces[1:]]


def poems():
    """Both choices, in turn."""
    events = [delta(i, role='assistant', content='') for i in range(2)]
    split = [words(p) for p in POEMS]
    for at in range(max(map(len, split))):
        events += [delta(i, content=split[i][at]) for i in range(2) if at < len(split[i])]
    return events + [delta(i, finish='stop') for i in range(2)] + [DONE]


def answer(call):
    if call.request.json.get('stream'):
        call.stream(poems(), delay=0.04)
        return
    arguments = json.dumps({'place': 'Cusco'})
    message = {'role': 'assistant', 'content': None, 'tool_calls': [
        {'id': 'call_example', 'type': 'function', 'function': {'name': 'elevation', 'arguments': arguments}}]}
    call.json(200, {**HEAD, 'object': 'chat.completion',
                    'choices': [{'index': 0, 'message': message, 'finish_reason': 'tool_calls'}],
                    'usage': {'prompt_tokens': 40, 'completion_tokens': 12, 'total_tokens': 52}})


def main():
    binary = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(root, 'build', 'release', 'quipu'))
    upstream = Upstream()
    upstream.handler = answer
    upstream.models = lambda call: call.json(200, {'object': 'list', 'data': [
        {'id': MODEL, 'object': 'model', 'created': HEAD['created'], 'owned_by': 'example'}]})
    ask = ('import json, os, sys, urllib.request\n'
           'for body in json.loads(sys.argv[1]):\n'
           '    urllib.request.urlopen(urllib.request.Request(\n'
           '        os.environ["OPENAI_BASE_URL"] + "/chat/completions", json.dumps(body).encode(),\n'
           '        {"content-type": "application/json"})).read()\n')
    shutil.rmtree(os.path.join(here, 'demo'), ignore_errors=True)
    env = {k: v for k, v in os.environ.items() if k in ('PATH', 'HOME')}
    subprocess.run([binary, 'run', '--record', '--session', 'demo', '--recordings', here, '--',
                    sys.executable, '-c', ask, json.dumps([STREAM, TOOL])],
                   env={**env, 'OPENAI_BASE_URL': upstream.url}, check=True)
    upstream.close()
    # Or it would be played in place of a real provider's list.
    shutil.rmtree(os.path.join(here, '_shared'))


if __name__ == '__main__':
    main()
