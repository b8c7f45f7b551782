// SPDX-License-Identifier: Apache-2.0
#include "data/loader.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

namespace shoplens {
namespace {

// A batch in the making. Its samples' places in `memory` and `failures` are written by whoever
// loads them.
struct Slot {
  std::mutex prepare;  // held while the first comer sizes the vectors, so that the others of this
                       // batch wait for it
  bool prepared = false;
  std::shared_ptr<float[]> memory;
  std::vector<std::exception_ptr> failures;  // [n], null where the sample loaded

  // The rest is guarded by Loader::State::mutex.
  std::size_t left = 0;  // samples not yet done
  bool ready = false;
  Batch batch;
  std::exception_ptr fatal;
};

// Sorts the failures into errors and closes the gaps they left in the data.
void finish(Slot& slot, const std::function<std::int64_t(std::size_t)>& sample, std::size_t width) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < slot.failures.size(); ++i) {
    if (!slot.failures[i]) {
      if (kept != i) std::copy_n(&slot.memory[i * width], width, &slot.memory[kept * width]);
      slot.batch.samples.push_back(sample(i));
      ++kept;
      continue;
    }
    try {
      std::rethrow_exception(slot.failures[i]);
    } catch (const Error& error) {
      slot.batch.errors.push_back({sample(i), error});
    } catch (...) {
      if (!slot.fatal) slot.fatal = std::current_exception();
    }
  }
  slot.failures
      .clear();  // here and not when the slot is reused, while the consumer reads its copies
  slot.batch.data = {slot.memory.get(), kept * width};
  slot.batch.memory = std::move(slot.memory);
}

}  // namespace

struct Loader::State {
  State(std::size_t samples, std::vector<std::int64_t> all, std::size_t floats, Load load_one,
        const LoaderOptions& chosen)
      : count(samples),
        order(std::move(all)),
        width(floats),
        load(std::move(load_one)),
        options(chosen) {
    const auto size = static_cast<std::size_t>(options.batch_size);
    if (options.drop_last) count = count / size * size;
    batches = (count + size - 1) / size;
    slots = std::vector<Slot>(std::min(batches, static_cast<std::size_t>(options.prefetch)));
    for (std::size_t batch = 0; batch < slots.size(); ++batch)
      slots[batch].left = batch_size(batch);
  }

  ~State() {
    {
      const std::lock_guard lock(mutex);
      stop = true;
    }
    room.notify_all();
    threads.clear();  // joins, while what they use still lives
  }

  std::size_t first_of(std::size_t batch) const {
    return batch * static_cast<std::size_t>(options.batch_size);
  }
  std::size_t batch_size(std::size_t batch) const {
    return std::min(static_cast<std::size_t>(options.batch_size), count - first_of(batch));
  }
  std::int64_t sample_at(std::size_t place) const {
    return order.empty() ? static_cast<std::int64_t>(place) : order[place];
  }
  std::size_t batch_of(std::size_t place) const {
    return place / static_cast<std::size_t>(options.batch_size);
  }

  void work();
  void load_place(std::size_t place);
  void prepare(Slot& slot, std::size_t batch);
  std::shared_ptr<float[]> allocate() const {
    const std::size_t floats = batch_size(0) * width;
    return options.allocate ? options.allocate(floats)
                            : std::make_shared_for_overwrite<float[]>(floats);
  }

  std::size_t count;
  const std::vector<std::int64_t> order;  // empty: 0, 1, ..., count - 1
  const std::size_t width;
  const Load load;
  const LoaderOptions options;
  std::size_t batches = 0;

  std::mutex mutex;
  std::condition_variable room, ready;  // for the threads; for next()
  std::size_t next_place = 0;           // in the order: the first that nobody has taken
  std::size_t next_batch = 0;           // what next() hands out; its slot is next_batch % slots
  bool stop = false;
  double waited = 0;
  std::vector<Slot> slots;
  std::vector<std::shared_ptr<float[]>> spare;  // recycled memory, of a full batch each
  std::vector<std::jthread> threads;
};

void Loader::State::work() {
  std::unique_lock lock(mutex);
  for (;;) {
    room.wait(lock, [&] {
      return stop || next_place == count || batch_of(next_place) < next_batch + slots.size();
    });
    if (stop || next_place == count) return;
    const std::size_t place = next_place++;
    lock.unlock();
    load_place(place);
    lock.lock();
    const std::size_t batch = batch_of(place);
    Slot& slot = slots[batch % slots.size()];
    if (--slot.left > 0) continue;
    lock.unlock();  // the last one of a batch has it to itself
    finish(slot, [&](std::size_t i) { return sample_at(first_of(batch) + i); }, width);
    lock.lock();
    slot.ready = true;
    ready.notify_one();
  }
}

void Loader::State::load_place(std::size_t place) {
  const std::size_t batch = batch_of(place), i = place - first_of(batch);
  Slot& slot = slots[batch % slots.size()];
  try {
    prepare(slot, batch);
  } catch (...) {  // out of memory: there is no place to keep the reason but `fatal`
    const std::lock_guard lock(mutex);
    slot.fatal = std::current_exception();
    return;
  }
  try {
    load(sample_at(place), &slot.memory[i * width]);
  } catch (...) {
    slot.failures[i] = std::current_exception();
  }
}

void Loader::State::prepare(Slot& slot, std::size_t batch) {
  const std::lock_guard lock(slot.prepare);
  if (slot.prepared) return;
  {
    const std::lock_guard shared(mutex);
    if (!spare.empty()) {
      slot.memory = std::move(spare.back());
      spare.pop_back();
    }
  }
  if (!slot.memory) slot.memory = allocate();
  slot.failures.assign(batch_size(batch), nullptr);
  slot.prepared = true;
}

Loader::Loader(std::vector<std::int64_t> order, std::size_t floats_per_sample, Load load,
               const LoaderOptions& options) {
  const std::size_t count = order.size();
  start(count, std::move(order), floats_per_sample, std::move(load), options);
}

Loader::Loader(Sequence samples, std::size_t floats_per_sample, Load load,
               const LoaderOptions& options) {
  start(samples.count, {}, floats_per_sample, std::move(load), options);
}

void Loader::start(std::size_t count, std::vector<std::int64_t> order,
                   std::size_t floats_per_sample, Load load, const LoaderOptions& options) {
  check(options.batch_size >= 1, "loader: want batch_size of at least 1, got ", options.batch_size);
  check(options.threads >= 1, "loader: want threads of at least 1, got ", options.threads);
  check(options.prefetch >= 1, "loader: want prefetch of at least 1, got ", options.prefetch);
  state_ =
      std::make_unique<State>(count, std::move(order), floats_per_sample, std::move(load), options);
  for (int i = 0; i < options.threads; ++i)
    state_->threads.emplace_back([state = state_.get()] { state->work(); });
}

Loader::~Loader() = default;

std::optional<Batch> Loader::next() {
  State& state = *state_;
  std::unique_lock lock(state.mutex);
  if (state.next_batch == state.batches) return std::nullopt;
  Slot& slot = state.slots[state.next_batch % state.slots.size()];
  if (!slot.ready) {
    const auto start = std::chrono::steady_clock::now();
    state.ready.wait(lock, [&] { return slot.ready; });
    state.waited += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  if (slot.fatal)
    std::rethrow_exception(slot.fatal);  // the slot stays, so the next call meets it again
  Batch batch = std::exchange(slot.batch, {});
  slot.ready = slot.prepared = false;
  const std::size_t later = state.next_batch++ + state.slots.size();  // the slot's next batch
  if (later < state.batches) slot.left = state.batch_size(later);
  lock.unlock();
  state.room.notify_all();
  return batch;
}

bool Loader::is_ready() const {
  const State& state = *state_;
  const std::lock_guard lock(state_->mutex);
  return state.next_batch == state.batches ||
         state.slots[state.next_batch % state.slots.size()].ready;
}

void Loader::recycle(Batch&& batch) {
  const std::lock_guard lock(state_->mutex);
  if (state_->spare.size() < state_->slots.size()) state_->spare.push_back(std::move(batch.memory));
}

double Loader::wait_seconds() const {
  const std::lock_guard lock(state_->mutex);
  return state_->waited;
}

}  // namespace shoplens
