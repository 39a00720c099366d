/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mac_mode, mac_lost: whether there has to be mandatory access control, and what follows its loss. */
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

DEFINE_CHOICE_TYPE(mac_mode, mac_mode_words, MAC_MODE_UNSET, "auto, required or no; empty takes the host's default");
DEFINE_CHOICE_TYPE(mac_lost, mac_lost_words, MAC_LOST_STOP, "stop or warn");
