/*
 * Joins two network interfaces by passing Ethernet frames on, later and out of order: what `tc netem` does, for kernels without it.
 *
 *   relay IF1 IF2 DELAY_US JITTER_US REORDER_PERCENT
 *
 * Each frame waits DELAY_US, more or less by up to JITTER_US; frames of one direction keep their order, but for REORDER_PERCENT of them, which do not
 * wait. Prints "ready" once frames are taken in, and runs until it is told to end. Frames carry the kernel's virtio header, so that
 * large segments and unfinished checksums pass unchanged.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/prctl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum { max_frame = 70000, max_waiting = 8192 };

struct frame {
  struct frame *next;
  int64_t due_us;
  ssize_t size;
  unsigned char data[];
};

/* Frames of one direction, by when they are due. */
struct direction {
  int from, to;
  struct frame *first;
  int64_t last_due_us;
  int waiting;
};

static int64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int open_interface(const char *name) {
  int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
  int on = 1, buffer = 8 << 20;
  struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = if_nametoindex(name)};
  if (fd < 0 || address.sll_ifindex == 0 || setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) != 0 ||
      bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
    fprintf(stderr, "%s: %s\n", name, strerror(errno));
    exit(1);
  }
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  struct packet_mreq everyone = {.mr_ifindex = address.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
  setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &everyone, sizeof everyone);
  return fd;
}

static void take_in(struct direction *way, int64_t delay_us, int64_t jitter_us, int reorder_percent) {
  static unsigned char buffer[max_frame];
  for (;;) {
    struct sockaddr_ll from;
    socklen_t length = sizeof from;
    ssize_t size = recvfrom(way->from, buffer, sizeof buffer, MSG_DONTWAIT, (struct sockaddr *)&from, &length);
    if (size <= 0) return;
    if (from.sll_pkttype == PACKET_OUTGOING || way->waiting >= max_waiting) continue;
    struct frame *frame = malloc(sizeof *frame + size);
    if (!frame) continue;
    int64_t due = now_us();
    if (random() % 100 >= reorder_percent) {
      due += delay_us + (jitter_us > 0 ? random() % (2 * jitter_us + 1) - jitter_us : 0);
      if (due < way->last_due_us) due = way->last_due_us;
      way->last_due_us = due;
    }
    frame->due_us = due;
    frame->size = size;
    memcpy(frame->data, buffer, size);
    struct frame **at = &way->first;
    while (*at && (*at)->due_us <= due) at = &(*at)->next;
    frame->next = *at;
    *at = frame;
    way->waiting++;
  }
}

/* Returns microseconds until the next frame is due, or -1 when none waits. */
static int64_t give_out(struct direction *way) {
  while (way->first) {
    int64_t left = way->first->due_us - now_us();
    if (left > 0) return left;
    struct frame *frame = way->first;
    way->first = frame->next;
    way->waiting--;
    /* A frame that cannot be sent is a frame that is lost. */
    if (send(way->to, frame->data, frame->size, 0) < 0) errno = 0;
    free(frame);
  }
  return -1;
}

int main(int count, char **args) {
  if (count != 6) return 2;
  /* Whoever started it may be killed. */
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  int a = open_interface(args[1]), b = open_interface(args[2]);
  int64_t delay_us = atoll(args[3]), jitter_us = atoll(args[4]);
  int reorder_percent = atoi(args[5]);
  struct direction ways[2] = {{.from = a, .to = b}, {.from = b, .to = a}};
  puts("ready");
  fflush(stdout);
  for (;;) {
    int64_t wait_us = 1000000;
    for (int i = 0; i < 2; i++) {
      int64_t left = give_out(&ways[i]);
      if (left >= 0 && left < wait_us) wait_us = left;
    }
    struct pollfd both[2] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};
    struct timespec timeout = {wait_us / 1000000, (long)(wait_us % 1000000) * 1000};
    ppoll(both, 2, &timeout, NULL);
    for (int i = 0; i < 2; i++) take_in(&ways[i], delay_us, jitter_us, reorder_percent);
  }
}
