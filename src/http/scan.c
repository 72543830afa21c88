#include "http/scan.h"

enum {
	TOKEN = SCAN_TOKEN,
	HOST = SCAN_HOST,
	WORD = SCAN_TOKEN | SCAN_HOST | SCAN_PLAIN | SCAN_NAME
};

const uint8_t scan_class[256] = {
	['0' ... '9'] = WORD,
	['A' ... 'Z'] = WORD,
	['a' ... 'z'] = WORD,
	['-'] = WORD,
	['.'] = WORD,
	['_'] = WORD,
	['~'] = TOKEN | HOST | SCAN_PLAIN,
	['!'] = TOKEN | HOST,
	['#'] = TOKEN,
	['$'] = TOKEN | HOST,
	['%'] = TOKEN | HOST,
	['&'] = TOKEN | HOST,
	['\''] = TOKEN | HOST,
	['('] = HOST,
	[')'] = HOST,
	['*'] = TOKEN | HOST,
	['+'] = TOKEN | HOST,
	[','] = HOST,
	[':'] = HOST,
	[';'] = HOST,
	['='] = HOST,
	['['] = HOST,
	[']'] = HOST,
	['^'] = TOKEN,
	['`'] = TOKEN,
	['|'] = TOKEN,
};
