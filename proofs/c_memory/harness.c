/* Calls `talk` and watches the functions of C that it takes memory from: the linker puts these in their place
   (--wrap). A block is dirty when it is given and when it is freed, and nothing may be written before or behind it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *talk(void);
int __real_posix_memalign(void **block, size_t align, size_t len);
void __real_free(void *block);

static long given, freed, rust;
static const char guard[16] = "behind the block";

/* What stands before a block. */
struct front {
  size_t before, len;
  char guard[sizeof guard];
};

static void fail(const char *wrong) {
  printf("%ld blocks by posix_memalign, %ld freed\nwrong: %s\n", given, freed, wrong);
  exit(1);
}

int __wrap_posix_memalign(void **block, size_t align, size_t len) {
  size_t before = align;
  while (before < sizeof(struct front)) before += align;
  char *whole;
  int error = __real_posix_memalign((void **)&whole, align, before + len + sizeof guard);
  if (error != 0) return error;
  struct front front = {before, len, {0}};
  memcpy(front.guard, guard, sizeof guard);
  *block = whole + before;
  memcpy(whole + before - sizeof front, &front, sizeof front);
  memset(*block, 0xa5, len);
  memcpy(whole + before + len, guard, sizeof guard);
  given++;
  return 0;
}

void __wrap_free(void *block) {
  struct front front;
  if (block == NULL) return;
  memcpy(&front, (char *)block - sizeof front, sizeof front);
  if (memcmp(front.guard, guard, sizeof guard) != 0) fail("what is freed was not given, or is written before");
  if (memcmp((char *)block + front.len, guard, sizeof guard) != 0) fail("a block is written behind its end");
  char *whole = (char *)block - front.before;
  memset(whole, 0x5a, front.before + front.len);
  freed++;
  __real_free(whole);
}

/* Rust's own heap. */
void *heap_alloc(size_t align, size_t len) {
  void *block = NULL;
  if (__real_posix_memalign(&block, align < sizeof(void *) ? sizeof(void *) : align, len) != 0) return NULL;
  rust++;
  return block;
}

void heap_free(void *block) {
  rust--;
  __real_free(block);
}

void panicked(void) {
  fail("a panic");
}

int main(void) {
  const char *wrong = talk();
  if (wrong != NULL) fail(wrong);
  if (given == 0) fail("no memory is taken from C");
  if (given != freed) fail("blocks of C are not freed");
  if (rust != 0) fail("blocks of Rust are not freed");
  printf("%ld blocks by posix_memalign, as many freed\n", given);
}
