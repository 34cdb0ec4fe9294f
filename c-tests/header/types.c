/* The type macros are constant initialisers in every language that the header serves: C99, C11, C17 and C++17. They
 * work for the smallest and the largest number of fields. */
#include <robustipc.h>
#include <stdio.h>
#include <string.h>

typedef struct {
  char tag;
  double value;
} Pair;

struct Single {
  int alone;
};

typedef struct {
  char f0;
  int f1;
  double f2;
  char f3;
  int f4;
  double f5;
  char f6;
  int f7;
  double f8;
  char f9;
  int f10;
  double f11;
  char f12;
  int f13;
  double f14;
  char f15;
  int f16;
  double f17;
  char f18;
  int f19;
  double f20;
  char f21;
  int f22;
  double f23;
  char f24;
  int f25;
  double f26;
  char f27;
  int f28;
  double f29;
  char f30;
} Fields31;

typedef struct {
  char f0;
  int f1;
  double f2;
  char f3;
  int f4;
  double f5;
  char f6;
  int f7;
  double f8;
  char f9;
  int f10;
  double f11;
  char f12;
  int f13;
  double f14;
  char f15;
  int f16;
  double f17;
  char f18;
  int f19;
  double f20;
  char f21;
  int f22;
  double f23;
  char f24;
  int f25;
  double f26;
  char f27;
  int f28;
  double f29;
  char f30;
  int f31;
} Fields32;

static const ipc_type_t pair_type = IPC_TYPE(Pair, 7);
static const ipc_type_t pair_fields_type = IPC_TYPE_FIELDS(Pair, 8, tag, value);
static const ipc_type_t single_type = IPC_TYPE_FIELDS(struct Single, 1, alone);
static const ipc_type_t fields31_type = IPC_TYPE_FIELDS(
  Fields31, 31,
  f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18,
  f19, f20, f21, f22, f23, f24, f25, f26, f27, f28, f29, f30);
static const ipc_type_t fields32_type = IPC_TYPE_FIELDS(
  Fields32, 32,
  f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18,
  f19, f20, f21, f22, f23, f24, f25, f26, f27, f28, f29, f30, f31);

/* A name that the program chooses, with every kind of field list. */
static const ipc_type_t named_type = IPC_TYPE_AS("Name", struct Single, 3);
static const ipc_type_t named_single_type = IPC_TYPE_AS("Name", struct Single, 4, alone);
static const ipc_type_t named_pair_type = IPC_TYPE_AS("Name", Pair, 5, tag, value);
static const ipc_type_t named_fields32_type = IPC_TYPE_AS(
  "Name", Fields32, 6,
  f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18,
  f19, f20, f21, f22, f23, f24, f25, f26, f27, f28, f29, f30, f31);
#ifdef __cplusplus
namespace space {
struct Inside {
  int field;
};
}
static const ipc_type_t inside_type = IPC_TYPE_AS("Inside", space::Inside, 1, field);
static const ipc_type_t plain_inside_type = IPC_TYPE_AS("Inside", space::Inside, 1);
#endif

static int faults;

static void check(int is_so, const char *what) {
  if (is_so) return;
  printf("%s\n", what);
  faults++;
}

#define CHECK(condition) check((condition), #condition)

/* In C99 only an extension of the compiler gives an alignment. This macro gives it in every language. */
#define ALIGNED(name, type) \
  struct name { \
    char before; \
    type value; \
  }
ALIGNED(AlignedPair, Pair);
ALIGNED(AlignedSingle, struct Single);
ALIGNED(AlignedFields31, Fields31);
ALIGNED(AlignedFields32, Fields32);

static void check_type(
  const ipc_type_t *type, const char *name, uint32_t version, uint32_t fields, size_t size,
  size_t alignment) {
  CHECK(strcmp(type->name, name) == 0);
  CHECK(type->version == version);
  CHECK(type->field_count == fields);
  CHECK(type->size == size);
  CHECK(type->alignment == alignment);
  for (size_t i = fields; i < IPC_TYPE_FIELDS_MAX; i++) CHECK(type->fields[i].name == NULL);
}

static void check_field(const ipc_field_t *found, const char *name, size_t offset, size_t size) {
  CHECK(strcmp(found->name, name) == 0);
  CHECK(found->offset == offset);
  CHECK(found->size == size);
}

#define CHECK_FIELD(type, number, variable, field) \
  check_field(&(variable).fields[number], #field, offsetof(type, field), sizeof(((type *)0)->field))

int main(void) {
  check_type(&pair_type, "Pair", 7, 0, sizeof(Pair), offsetof(struct AlignedPair, value));
  check_type(&pair_fields_type, "Pair", 8, 2, sizeof(Pair), offsetof(struct AlignedPair, value));
  CHECK_FIELD(Pair, 0, pair_fields_type, tag);
  CHECK_FIELD(Pair, 1, pair_fields_type, value);
  check_type(
    &single_type, "struct Single", 1, 1, sizeof(struct Single),
    offsetof(struct AlignedSingle, value));
  CHECK_FIELD(struct Single, 0, single_type, alone);

  check_type(
    &fields31_type, "Fields31", 31, 31, sizeof(Fields31),
    offsetof(struct AlignedFields31, value));
  CHECK_FIELD(Fields31, 0, fields31_type, f0);
  CHECK_FIELD(Fields31, 1, fields31_type, f1);
  CHECK_FIELD(Fields31, 2, fields31_type, f2);
  CHECK_FIELD(Fields31, 3, fields31_type, f3);
  CHECK_FIELD(Fields31, 4, fields31_type, f4);
  CHECK_FIELD(Fields31, 5, fields31_type, f5);
  CHECK_FIELD(Fields31, 6, fields31_type, f6);
  CHECK_FIELD(Fields31, 7, fields31_type, f7);
  CHECK_FIELD(Fields31, 8, fields31_type, f8);
  CHECK_FIELD(Fields31, 9, fields31_type, f9);
  CHECK_FIELD(Fields31, 10, fields31_type, f10);
  CHECK_FIELD(Fields31, 11, fields31_type, f11);
  CHECK_FIELD(Fields31, 12, fields31_type, f12);
  CHECK_FIELD(Fields31, 13, fields31_type, f13);
  CHECK_FIELD(Fields31, 14, fields31_type, f14);
  CHECK_FIELD(Fields31, 15, fields31_type, f15);
  CHECK_FIELD(Fields31, 16, fields31_type, f16);
  CHECK_FIELD(Fields31, 17, fields31_type, f17);
  CHECK_FIELD(Fields31, 18, fields31_type, f18);
  CHECK_FIELD(Fields31, 19, fields31_type, f19);
  CHECK_FIELD(Fields31, 20, fields31_type, f20);
  CHECK_FIELD(Fields31, 21, fields31_type, f21);
  CHECK_FIELD(Fields31, 22, fields31_type, f22);
  CHECK_FIELD(Fields31, 23, fields31_type, f23);
  CHECK_FIELD(Fields31, 24, fields31_type, f24);
  CHECK_FIELD(Fields31, 25, fields31_type, f25);
  CHECK_FIELD(Fields31, 26, fields31_type, f26);
  CHECK_FIELD(Fields31, 27, fields31_type, f27);
  CHECK_FIELD(Fields31, 28, fields31_type, f28);
  CHECK_FIELD(Fields31, 29, fields31_type, f29);
  CHECK_FIELD(Fields31, 30, fields31_type, f30);

  check_type(
    &fields32_type, "Fields32", 32, 32, sizeof(Fields32),
    offsetof(struct AlignedFields32, value));
  CHECK_FIELD(Fields32, 0, fields32_type, f0);
  CHECK_FIELD(Fields32, 1, fields32_type, f1);
  CHECK_FIELD(Fields32, 2, fields32_type, f2);
  CHECK_FIELD(Fields32, 3, fields32_type, f3);
  CHECK_FIELD(Fields32, 4, fields32_type, f4);
  CHECK_FIELD(Fields32, 5, fields32_type, f5);
  CHECK_FIELD(Fields32, 6, fields32_type, f6);
  CHECK_FIELD(Fields32, 7, fields32_type, f7);
  CHECK_FIELD(Fields32, 8, fields32_type, f8);
  CHECK_FIELD(Fields32, 9, fields32_type, f9);
  CHECK_FIELD(Fields32, 10, fields32_type, f10);
  CHECK_FIELD(Fields32, 11, fields32_type, f11);
  CHECK_FIELD(Fields32, 12, fields32_type, f12);
  CHECK_FIELD(Fields32, 13, fields32_type, f13);
  CHECK_FIELD(Fields32, 14, fields32_type, f14);
  CHECK_FIELD(Fields32, 15, fields32_type, f15);
  CHECK_FIELD(Fields32, 16, fields32_type, f16);
  CHECK_FIELD(Fields32, 17, fields32_type, f17);
  CHECK_FIELD(Fields32, 18, fields32_type, f18);
  CHECK_FIELD(Fields32, 19, fields32_type, f19);
  CHECK_FIELD(Fields32, 20, fields32_type, f20);
  CHECK_FIELD(Fields32, 21, fields32_type, f21);
  CHECK_FIELD(Fields32, 22, fields32_type, f22);
  CHECK_FIELD(Fields32, 23, fields32_type, f23);
  CHECK_FIELD(Fields32, 24, fields32_type, f24);
  CHECK_FIELD(Fields32, 25, fields32_type, f25);
  CHECK_FIELD(Fields32, 26, fields32_type, f26);
  CHECK_FIELD(Fields32, 27, fields32_type, f27);
  CHECK_FIELD(Fields32, 28, fields32_type, f28);
  CHECK_FIELD(Fields32, 29, fields32_type, f29);
  CHECK_FIELD(Fields32, 30, fields32_type, f30);
  CHECK_FIELD(Fields32, 31, fields32_type, f31);

  check_type(
    &named_type, "Name", 3, 0, sizeof(struct Single), offsetof(struct AlignedSingle, value));
  check_type(
    &named_single_type, "Name", 4, 1, sizeof(struct Single),
    offsetof(struct AlignedSingle, value));
  CHECK_FIELD(struct Single, 0, named_single_type, alone);
  check_type(&named_pair_type, "Name", 5, 2, sizeof(Pair), offsetof(struct AlignedPair, value));
  CHECK_FIELD(Pair, 0, named_pair_type, tag);
  CHECK_FIELD(Pair, 1, named_pair_type, value);
  check_type(
    &named_fields32_type, "Name", 6, 32, sizeof(Fields32),
    offsetof(struct AlignedFields32, value));
  CHECK_FIELD(Fields32, 0, named_fields32_type, f0);
  CHECK_FIELD(Fields32, 31, named_fields32_type, f31);
#ifdef __cplusplus
  check_type(&inside_type, "Inside", 1, 1, sizeof(space::Inside), alignof(space::Inside));
  CHECK_FIELD(space::Inside, 0, inside_type, field);
  check_type(&plain_inside_type, "Inside", 1, 0, sizeof(space::Inside), alignof(space::Inside));
#endif

  return faults == 0 ? 0 : 1;
}
