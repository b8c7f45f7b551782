// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace shoplens {

/// A Body of Boost.Beast, for requests and answers: text, or a file where there may be too much of
/// it for memory.
struct HttpBody {
  using error_code = boost::beast::error_code;

  struct value_type {
    std::string text;
    std::unique_ptr<boost::beast::file> file;  // if there is one, instead of text
    bool disk_failed = false;

    /// Reads from or writes to this file. False when it cannot be opened.
    bool open(const std::filesystem::path& path, boost::beast::file_mode mode) {
      error_code ec;
      file = std::make_unique<boost::beast::file>();
      file->open(path.c_str(), mode, ec);
      return !ec;
    }
  };

  static std::uint64_t size(const value_type& body) {
    error_code ignored;
    return body.file ? body.file->size(ignored) : body.text.size();
  }

  class reader {
   public:
    template <bool is_request, class Fields>
    reader(boost::beast::http::header<is_request, Fields>&, value_type& body) : body_(body) {}

    void init(const boost::optional<std::uint64_t>& length, error_code& ec) {
      if (length && !body_.file) body_.text.reserve(*length);
      ec = {};
    }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, error_code& ec) {
      ec = {};
      std::size_t all = 0;
      for (const boost::asio::const_buffer part : boost::beast::buffers_range_ref(buffers)) {
        if (body_.file)
          body_.file->write(part.data(), part.size(), ec);
        else
          body_.text.append(static_cast<const char*>(part.data()), part.size());
        body_.disk_failed = static_cast<bool>(ec);
        if (ec) return all;
        all += part.size();
      }
      return all;
    }
    void finish(error_code& ec) { ec = {}; }

   private:
    value_type& body_;
  };

  class writer {
   public:
    using const_buffers_type = boost::asio::const_buffer;

    template <bool is_request, class Fields>
    writer(boost::beast::http::header<is_request, Fields>&, value_type& body)
        : body_(body), rest_(size(body)) {}

    void init(error_code& ec) {
      ec = {};
      if (body_.file) part_.resize(std::min<std::uint64_t>(rest_, 64u << 10));
    }
    boost::optional<std::pair<const_buffers_type, bool>> get(error_code& ec) {
      ec = {};
      if (rest_ == 0) return boost::none;
      if (!body_.file) {
        rest_ = 0;
        return {{boost::asio::buffer(body_.text), false}};
      }
      const auto most = std::min<std::uint64_t>(part_.size(), rest_);
      const std::size_t read = body_.file->read(part_.data(), most, ec);
      if (!ec && read == 0) ec = boost::beast::http::error::short_read;  // it has become shorter
      if (ec) return boost::none;
      rest_ -= read;
      return {{boost::asio::buffer(part_.data(), read), rest_ > 0}};
    }

   private:
    value_type& body_;
    std::uint64_t rest_;
    std::vector<char> part_;  // of the file
  };
};

}  // namespace shoplens
