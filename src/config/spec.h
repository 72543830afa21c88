/*
 * spec - providers in one line, as OGX's --providers has them.
 *
 *	inference=remote::ollama?base_url=http://host:11434/v1,inference=remote::groq
 *
 * Entries are separated by commas: an API, the type of a provider, and maybe
 * keys of its config after a '?', joined by '&' (dots lead into mappings, %XX is
 * a byte, ${env.NAME} is a variable).  provider_id among them names it; else it
 * is called as the last part of its type.
 */
#ifndef CONFIG_SPEC_H
#define CONFIG_SPEC_H

#include "config/load.h"

/*
 * The entries of inference as the list that a file would have; for each of
 * another API there is a warning.  Nodes are in scratch.
 */
const struct tree_node *spec_parse(struct load *l, struct str text,
				   struct place at);

#endif
