// SPDX-License-Identifier: Apache-2.0
// What untrusted text is made of.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shoplens {

/// 0 to 15, or -1 for what is no hexadecimal digit.
int hex_value(char digit);

/// Sound UTF-8 (no overlong forms, no surrogates) without control characters: below U+0020, U+007F.
bool is_plain_utf8(std::string_view text);

/// Of sound UTF-8.
std::size_t characters_of(std::string_view text);

/// The bytes that base64 (RFC 4648, section 4, with padding) stands for; nothing for other text.
std::optional<std::string> base64_decoded(std::string_view text);

/// A whole number in decimal digits that is all of the text; nothing for other text.
std::optional<std::int64_t> number_of(std::string_view text);

std::string lower_case(std::string_view text);    // of ASCII letters
std::string_view trimmed(std::string_view text);  // without spaces and tabs around it

/// The time as "2026-01-31T12:34:56.789Z".
std::string utc_now();

}  // namespace shoplens
