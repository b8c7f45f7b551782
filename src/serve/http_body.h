// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace shoplens {

/// A Body of Boost.Beast, for requests and answers: text, as a whole or, where there may be too
/// much of it for memory, one piece after the other.
struct HttpBody {
  using error_code = boost::beast::error_code;

  struct value_type {
    std::string text;
    bool in_pieces = false;  // whoever reads takes the text away now and then
    // Told how much text has been read; false: there is no memory for it.
    std::function<bool(std::size_t bytes)> hold{};
    std::uint64_t rest = 0;  // bytes to be written after the text; the writer asks for them
  };

  static std::uint64_t size(const value_type& body) { return body.text.size() + body.rest; }

  class reader {
   public:
    template <bool is_request, class Fields>
    reader(boost::beast::http::header<is_request, Fields>&, value_type& body) : body_(body) {}

    // What is announced may never come, so that a large body gets its room as it comes.
    void init(const boost::optional<std::uint64_t>& length, error_code& ec) {
      if (length && !body_.in_pieces)
        body_.text.reserve(std::min<std::uint64_t>(*length, kMostReserved));
      ec = {};
    }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, error_code& ec) {
      ec = {};
      std::size_t all = 0;
      for (const boost::asio::const_buffer part : boost::beast::buffers_range_ref(buffers)) {
        body_.text.append(static_cast<const char*>(part.data()), part.size());
        all += part.size();
      }
      if (body_.hold && !body_.hold(body_.text.size())) ec = boost::asio::error::no_memory;
      return all;
    }
    void finish(error_code& ec) { ec = {}; }

   private:
    static constexpr std::uint64_t kMostReserved = 4u << 20;
    value_type& body_;
  };

  /// Ends with error::need_buffer when the text is written and there is a rest: go on when the next
  /// piece is the text.
  class writer {
   public:
    using const_buffers_type = boost::asio::const_buffer;

    template <bool is_request, class Fields>
    writer(boost::beast::http::header<is_request, Fields>&, value_type& body) : body_(body) {}

    void init(error_code& ec) { ec = {}; }
    boost::optional<std::pair<const_buffers_type, bool>> get(error_code& ec) {
      ec = {};
      const bool written = std::exchange(written_, false);
      if (!written && !body_.text.empty()) {
        written_ = true;  // when it is asked again
        return {{boost::asio::buffer(body_.text), body_.rest > 0}};
      }
      if (body_.rest > 0) ec = boost::beast::http::error::need_buffer;
      return boost::none;
    }

   private:
    value_type& body_;
    bool written_ = false;
  };
};

}  // namespace shoplens
