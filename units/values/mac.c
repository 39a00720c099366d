/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mac_mode, mac_lost, verify_mode: whether there has to be mandatory access control, what follows its loss, and what
 * the probe is for. */
#include "units/values/parse.h"

static const char *const mac_mode_words[] = {
        [MAC_MODE_UNSET] = "",
        [MAC_MODE_AUTO] = "auto",
        [MAC_MODE_REQUIRED] = "required",
        [MAC_MODE_NO] = "no",
        [_MAC_MODE_MAX] = NULL,
};
static const char *const mac_lost_words[] = {
        [MAC_LOST_STOP] = "stop",
        [MAC_LOST_WARN] = "warn",
        [_MAC_LOST_MAX] = NULL,
};

const char *mac_mode_to_string(MacMode m) {
        return m >= 0 && m < _MAC_MODE_MAX ? mac_mode_words[m] : NULL;
}

MacMode mac_mode_from_string(const char *word) {
        for (int m = MAC_MODE_AUTO; m < _MAC_MODE_MAX; m++)
                if (streq(mac_mode_words[m], word))
                        return (MacMode)m;
        return _MAC_MODE_INVALID;
}

const char *mac_lost_to_string(MacLost l) {
        return l >= 0 && l < _MAC_LOST_MAX ? mac_lost_words[l] : NULL;
}

static const char *const verify_mode_words[] = {
        [VERIFY_NO] = "no",
        [VERIFY_WARN] = "warn",
        [VERIFY_ENFORCE] = "enforce",
        [_VERIFY_MODE_MAX] = NULL,
};

DEFINE_CHOICE_TYPE(mac_mode, mac_mode_words, MAC_MODE_UNSET, "auto, required or no; empty takes the host's default");
DEFINE_CHOICE_TYPE(mac_lost, mac_lost_words, MAC_LOST_STOP, "stop or warn");
DEFINE_CHOICE_TYPE(verify_mode, verify_mode_words, VERIFY_NO, "no, warn or enforce");
