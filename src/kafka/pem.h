// PEM as people paste it into a properties file.
#pragma once

#include <string>
#include <string_view>

namespace maxbrod::kafka {

// Java's client takes PEM whose line breaks became blanks or got blanks around them; OpenSSL does
// not. Returns the blocks with lines as RFC 7468 wants them. What is no PEM stays as it is.
std::string NormalizePem(std::string_view text);

}  // namespace maxbrod::kafka
