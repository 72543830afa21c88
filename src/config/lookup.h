/*
 * lookup - the file that a word names: "run.yaml", "starter", "my-stack".
 *
 * A word that names a file is that file.  Else it is the name of a built-in
 * configuration, or of one that OGX (Llama Stack) keeps in the user's directory:
 *
 *	$OGX_CONFIG_DIR/distributions/ogx-NAME/NAME-config.yaml
 *	$OGX_CONFIG_DIR/distributions/NAME/config.yaml
 *	~/.llama/distributions/NAME/NAME-run.yaml
 *
 * OGX_CONFIG_DIR is ~/.ogx when unset.
 */
#ifndef CONFIG_LOOKUP_H
#define CONFIG_LOOKUP_H

#include "config/load.h"

/* examples/starter.yaml */
extern const char lookup_starter[];

/*
 * Returns 0 with *out_file, in the configuration's arena, and *out_text, which is
 * the built-in text or a null slice; LOAD_NOTHING when the word names nothing.
 */
must_check int lookup_file(struct load *l, struct str word,
			   struct str *out_file, struct str *out_text);

#endif
