"""embed.py IN NAME OUT - write the text file IN as the C string NAME to OUT."""
import sys

source, name, target = sys.argv[1:]
with open(source, encoding="utf-8") as f:
    lines = f.read().splitlines()
with open(target, "w", encoding="utf-8") as f:
    f.write(f'#include "config/lookup.h"\n\nconst char {name}[] =\n')
    for line in lines:
        quoted = line.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?")
        f.write(f'\t"{quoted}\\n"\n')
    f.write('\t"";\n')
