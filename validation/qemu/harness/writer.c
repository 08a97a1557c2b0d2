/* The guest's init (PID 1): writes pages at a given pace, so that a migration has a known dirty rate.
 * Options on the kernel's command line, with the prefix "d.":
 *   d.mode=idle|uniform|hotcold|seq|three|burst|moving   how pages are chosen, see README.md
 *   d.w=PAGES      working set            d.alloc=PAGES  pages filled at the start (none is zero)
 *   d.rate=WRITES  page writes a second   d.batch=MS     pause between two batches of writes
 *   d.hotfrac=, d.hotshare=               share of the working set that is hot, share of its writes
 *   d.on=, d.off=  seconds of a burst, and between two (mode burst)
 *   d.step=PAGES, d.period=SECONDS        by how much the working set moves, how often (mode moving)
 *   d.heavy=1      a write changes the whole page, not one word
 *   d.spin=TURNS   a guest that never sleeps: busy-loop turns per write, no pacing
 *   d.seed=N
 * Once a second it prints "T <ms> <writes> <interval ms> <total> <ticks> <stalls>". A byte on the
 * serial line asks for "V ok=<0|1> bad=<pages> sum=<writes in pages> total=<writes issued>".
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <time.h>
#include <math.h>
#include <unistd.h>
#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define PG 4096UL
static uint64_t rs;
static inline uint64_t rnd(void){ rs ^= rs<<13; rs ^= rs>>7; rs ^= rs<<17; return rs; }
static inline double rndu(void){ return (rnd()>>11) * (1.0/9007199254740992.0); }
static double now(void){ struct timespec t; clock_gettime(CLOCK_MONOTONIC,&t); return t.tv_sec + t.tv_nsec*1e-9; }
static char cmd[8192];
static const char *opt(const char *k, const char *d){
  static char v[8][64]; static int vi; char key[64]; snprintf(key,sizeof key,"d.%s=",k);
  char *p = strstr(cmd,key); if(!p) return d; p += strlen(key);
  char *o = v[vi++ & 7]; int i=0; while(*p && *p!=' ' && *p!='\n' && i<63) o[i++]=*p++; o[i]=0; return o;
}
/* fixed filler word for page i, word j: nonzero, incompressible-ish */
static inline uint64_t mix(uint64_t x){ x += 0x9E3779B97F4A7C15ULL; x = (x^(x>>30))*0xBF58476D1CE4E5B9ULL; x = (x^(x>>27))*0x94D049BB133111EBULL; return (x^(x>>31))|1; }

int main(void){
  mkdir("/proc",0755); mkdir("/dev",0755); mkdir("/sys",0755);
  mount("proc","/proc","proc",0,0); mount("dev","/dev","devtmpfs",0,0); mount("sys","/sys","sysfs",0,0);
  int fd = open("/dev/ttyS0",O_RDWR|O_NOCTTY|O_NONBLOCK);
  if(fd>=0){ struct termios t; if(!tcgetattr(fd,&t)){ cfmakeraw(&t); tcsetattr(fd,TCSANOW,&t);} fcntl(fd,F_SETFL,O_RDWR);
    dup2(fd,1); dup2(fd,2); dup2(fd,0);} 
  setvbuf(stdout,NULL,_IONBF,0);
  int c = open("/proc/cmdline",O_RDONLY); int n = c>=0 ? read(c,cmd,sizeof cmd-1):0; if(n>0) cmd[n]=0; if(c>=0) close(c);
  /* switch transparent huge pages off so that a page is a page (dirty log is 4 KiB anyway) */
  int h = open("/sys/kernel/mm/transparent_hugepage/enabled",O_WRONLY); if(h>=0){ if(write(h,"never",5)){}; close(h);} 
  char mode[32]; strncpy(mode,opt("mode","idle"),31); mode[31]=0;
  uint64_t W = strtoull(opt("w","4096"),0,10);
  uint64_t A = strtoull(opt("alloc","0"),0,10); if(A<W) A=W;
  double R = atof(opt("rate","1000"));
  double hf = atof(opt("hotfrac","0.1")), hs = atof(opt("hotshare","0.9"));
  double batch = atof(opt("batch","5"))*1e-3;
  int heavy = atoi(opt("heavy","0"));
  long spin = atol(opt("spin","0")); /* >0: CPU-bound guest, this many busy-loop turns per page write, no pacing and no sleep */
  rs = mix(strtoull(opt("seed","1"),0,10)+77);
  volatile uint64_t *b = mmap(0,A*PG,PROT_READ|PROT_WRITE,MAP_PRIVATE|MAP_ANONYMOUS,-1,0);
  if(b==MAP_FAILED){ printf("FAIL mmap\n"); for(;;) pause(); }
  double t0=now();
  for(uint64_t i=0;i<A;i++){ volatile uint64_t *p=b+i*512; 
    for(int j=0;j<512;j++) p[j]=mix(i*512+j); p[0]=0; p[1]=i; }
  /* p[0] counts writes to this page; p[1] page id; the rest a fixed filler (in heavy mode rewritten with filler^count) */
  printf("READY mode=%s w=%lu alloc=%lu rate=%g hf=%g hs=%g batch=%g heavy=%d fill_s=%.2f\n",mode,(unsigned long)W,(unsigned long)A,R,hf,hs,batch,heavy,now()-t0);
  int idle = !strcmp(mode,"idle"), hot = !strcmp(mode,"hotcold"), seq = !strcmp(mode,"seq");
  int three = !strcmp(mode,"three"), burst = !strcmp(mode,"burst"), moving = !strcmp(mode,"moving");
  double on = atof(opt("on","0.5")), off = atof(opt("off","1.5")), period = atof(opt("period","2.0"));
  uint64_t step = strtoull(opt("step","7919"),0,10);
  /* three classes: 2 % of the working set gets 60 % of the writes, 18 % gets 30 %, 80 % gets 10 % */
  uint64_t W1 = 0.02*W, W2 = 0.18*W; if(W1<1) W1=1; if(W2<1) W2=1; if(W1+W2>=W){ W1=1; W2=1; }
  uint64_t H = (uint64_t)(hf*W); if(H<1) H=1; if(H>=W) H=W-1; uint64_t pos=0, total=0, last=0, tick=0, maxcat=0;
  double start=now(), lastp=start, sched=start, credit=0; 
  for(;;){
    double t=now();
    if(!idle){
      double dt=t-sched; sched=t; if(dt>0.1){ maxcat++; dt=0.1; } /* a stall (e.g. the switchover) is not caught up beyond 100 ms */
      int silent = burst && fmod(t-start, on+off) >= on;
      credit += silent ? 0 : R*dt; if(silent) credit=0; if(spin) credit=200;
      uint64_t base = moving && A>W ? ((uint64_t)((t-start)/period)*step) % (A-W) : 0;
      double lim=t+0.2; uint64_t k=0;
      while(credit>=1.0){
        uint64_t i;
        if(seq){ i=pos++; if(pos>=W) pos=0; }
        else if(three && W>=3){ double u=rndu(); i = u<0.6 ? rnd()%W1 : u<0.9 ? W1+rnd()%W2 : W1+W2+rnd()%(W-W1-W2); }
        else if(hot){ if(rndu()<hs) i=rnd()%H; else i=H+rnd()%(W-H); }
        else i=base+rnd()%W;
        volatile uint64_t *p=b+i*512; uint64_t v=p[0]+1; p[0]=v;
        if(heavy) for(int j=2;j<512;j++) p[j]=mix(i*512+j)^v;
        total++; credit-=1.0; if(spin){ volatile uint64_t z=0; for(long q=0;q<spin;q++) z+=q; }
        if((++k & 255)==0 && now()>lim){ if(credit>R*0.1) credit=R*0.1; break; }
      }
    }
    t=now();
    if(t-lastp>=1.0){ tick++;
      printf("T %.0f %lu %.1f %lu %lu %lu\n",(t-start)*1e3,(unsigned long)(total-last),(t-lastp)*1e3,(unsigned long)total,(unsigned long)tick,(unsigned long)maxcat);
      last=total; lastp=t; 
      struct pollfd pf={0,POLLIN,0};
      if(poll(&pf,1,0)>0){ char q[64]; int m=read(0,q,sizeof q); (void)m;
        uint64_t sum=0,bad=0; for(uint64_t i=0;i<A;i++){ volatile uint64_t *p=b+i*512; sum+=p[0]; if(p[1]!=i) bad++; 
          uint64_t x = heavy && p[0] ? p[0] : 0; int st = heavy?1:37; for(int j=2;j<512;j+=st) if(p[j]!=(mix(i*512+j)^x)) { bad++; break; } }
        printf("V ok=%d bad=%lu sum=%lu total=%lu\n",(bad==0&&sum==total),(unsigned long)bad,(unsigned long)sum,(unsigned long)total);
        sched=now(); lastp=sched; }
    }
    if(spin) continue;
    double nx = idle?0.05:batch; struct timespec ts={0,(long)(nx*1e9)}; 
    double used=now()-t; if(used<nx){ ts.tv_nsec=(long)((nx-used)*1e9); nanosleep(&ts,NULL);} 
  }
}
