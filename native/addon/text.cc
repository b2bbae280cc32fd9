#include "text.h"

#include <cstdint>

namespace {

constexpr char16_t kEscaped = 0xdc00; // and a byte of 0x80 or more
constexpr char16_t kFirstEscaped = 0xdc80, kLastEscaped = 0xdcff;

// How many bytes the character that begins here has; 0: none of UTF-8 does (RFC 3629, section 4). `code`
// takes it.
size_t CharacterAt(const char *bytes, size_t left, uint32_t &code) {
  const auto at = [bytes](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  const uint8_t first = at(0);
  if (first < 0x80) {
    code = first;
    return 1;
  }
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  static constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (first < 0xc2 || first > 0xf4 || length > left)
    return 0;
  code = first & (0x7fU >> length);
  for (size_t i = 1; i < length; i++) {
    if ((at(i) & 0xc0) != 0x80)
      return 0;
    code = code << 6 | (at(i) & 0x3fU);
  }
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  return code < kLeast[length] || code > 0x10ffff || surrogate ? 0 : length;
}

bool IsUtf8(const char *bytes, size_t length) {
  uint32_t code;
  for (size_t at = 0, taken; at < length; at += taken)
    if ((taken = CharacterAt(bytes + at, length - at, code)) == 0)
      return false;
  return true;
}

} // namespace

Napi::Value ToText(Napi::Env env, const char *bytes, size_t length) {
  if (IsUtf8(bytes, length))
    return Napi::String::New(env, bytes, length);
  std::u16string text;
  for (size_t at = 0; at < length;) {
    uint32_t code = 0;
    const size_t taken = CharacterAt(bytes + at, length - at, code);
    if (taken == 0)
      text += static_cast<char16_t>(kEscaped + static_cast<uint8_t>(bytes[at]));
    else if (code < 0x10000)
      text += static_cast<char16_t>(code);
    else {
      text += static_cast<char16_t>(0xd7c0 + (code >> 10));
      text += static_cast<char16_t>(0xdc00 + (code & 0x3ff));
    }
    at += taken ? taken : 1;
  }
  return Napi::String::New(env, text.data(), text.size());
}

std::string ToBytes(const Napi::Value &value) {
  const Napi::String text = value.As<Napi::String>();
  std::string bytes = text.Utf8Value();
  // Node-API writes a lone surrogate as U+FFFD
  size_t at = bytes.find("\xef\xbf\xbd");
  if (at == std::string::npos)
    return bytes;
  const std::u16string units = text.Utf16Value();
  std::string kept;
  size_t from = 0; // in `bytes`, which has the other characters right
  for (size_t i = 0; i < units.size() && from < bytes.size(); i++) {
    const bool pair = units[i] >= 0xd800 && units[i] < 0xdc00 && i + 1 < units.size() &&
                      units[i + 1] >= 0xdc00 && units[i + 1] < 0xe000;
    uint32_t code;
    const size_t taken = CharacterAt(bytes.data() + from, bytes.size() - from, code);
    if (units[i] >= kFirstEscaped && units[i] <= kLastEscaped)
      kept += static_cast<char>(units[i] - kEscaped);
    else
      kept.append(bytes, from, taken);
    from += taken;
    i += pair;
  }
  return kept;
}
