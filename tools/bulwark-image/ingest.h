/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The confined half of an import: from a source to files in the transaction's directory. Nothing of the store is changed.
 *
 *     0, 1, ...   new layers by their index: tree/, meta, opaque
 *     manifest, config, record, name (what the source calls the image; may be missing)
 */

#include "manager/base/diag.h"

typedef struct SourceKind SourceKind;
typedef struct IngestJob {
        const SourceKind *kind;
        int source_fd, store_fd, txn_fd; /* store_fd: read only */
        const char *tag;                 /* of the source, or NULL */
        const char *source;              /* as it was named; goes into the record */
        uint64_t now_usec;
} IngestJob;

/* The kind by the prefix of text, and what follows it; a plain file is a tar. */
const SourceKind *source_kind(const char *text, const char **ret_rest);
bool source_kind_is_directory(const SourceKind *kind);
bool source_kind_has_tag(const SourceKind *kind);

int ingest(const IngestJob *job, Diag *diag);
