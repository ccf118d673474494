// The parts of http(s) URLs, percent-encoding as AWS signs it (RFC 3986), and the two date formats
// of AWS's services. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace maxbrod::aws {

struct Uri {
  std::string scheme;  // "http" or "https"
  std::string host;    // lower case; an IPv6 address in brackets
  uint16_t port = 0;   // 0: the scheme's own
  std::string path;    // still percent-encoded, begins with '/'
  std::string query;   // still percent-encoded, without '?'

  // "host" or "host:port", as a Host header has it: without the scheme's own port.
  std::string Authority() const;
  bool is_tls() const { return scheme == "https"; }
};

// kInvalidArgument unless it is http or https with a host. User names and passwords in it are
// refused, without showing them; a fragment is too.
Result<Uri> ParseUri(std::string_view text);

// Everything but A-Z a-z 0-9 - . _ ~ becomes %XX (upper case); '/' too unless `keep_slash`.
std::string UriEncode(std::string_view text, bool keep_slash = false);
// Nothing on a '%' that two hexadecimal digits do not follow. '+' stays a plus.
std::optional<std::string> UriDecode(std::string_view text);

// "20150830T123600Z", the form that requests are signed with.
std::string FormatAmzDate(int64_t wall_millis);
// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, IMF-fixdate), the form of Date and Last-Modified.
std::optional<int64_t> ParseHttpDate(std::string_view text);
// "2009-10-12T17:50:30.000Z", the form in XML answers; the fraction may be absent or longer.
std::optional<int64_t> ParseIsoDate(std::string_view text);

}  // namespace maxbrod::aws
