#include "aws/http.h"

namespace maxbrod::aws {

std::string_view HttpResponse::Header(std::string_view name) const {
  for (const HttpHeader& header : headers) {
    if (header.name == name) return header.value;
  }
  return {};
}

}  // namespace maxbrod::aws
