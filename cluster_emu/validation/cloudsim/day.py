from __future__ import annotations
import numpy as np, sys, time
from pathlib import Path
from cluster_emu.validation.cloudsim import _kernels as K
from cluster_emu.metrics.power import load_power_tables
from cluster_emu.workload import *
from cluster_emu.workload.traces import read_planetlab
POL={'dvfs':None,'thr-mmt':(0,.8,0),'iqr-mmt':(1,1.5,0),'mad-mmt':(2,2.5,0),'lr-mmt':(3,1.2,0),'iqr-mu':(1,1.5,1),'iqr-mc':(1,1.5,2)}
def inventory(n,H):
    hosts=np.zeros(H,K.HOST); t=np.arange(H)%2
    hosts['kind']=t; hosts['core_mips']=np.where(t==0,1860,2660); hosts['mips']=2*hosts['core_mips']; hosts['ram_mb']=4096
    hosts['entry_s']=-1; hosts['was_active']=True
    vms=np.zeros(n,K.VM); b=np.arange(n)//-(-n//4)
    vms['mips']=np.array([2500,2000,1000,500])[b]; vms['ram_mb']=np.array([870,1740,1740,613])[b]; vms['entry_s']=-1
    return hosts,vms
def run(shares,H,policy,keep=False,mem=False,once=False):
    n,k=shares.shape
    hosts,vms=inventory(n,H)
    T=load_power_tables(); w=np.array([T['hp-ml110-g4'].watts,T['hp-ml110-g5'].watts])
    samples=np.concatenate([shares,shares[:,-1:]],1)
    tot=np.zeros(1,K.TOTALS)
    on=np.zeros((H,n),np.int32)
    assert K.place_all(hosts,vms,on,w,policy=='dvfs')<0
    ticks=[];t=0.1
    for _ in range(k-1): t+=300.; ticks.append(t)
    ticks=np.array(ticks)
    used=K.used_shares(samples,ticks)
    loads=np.array([used*vms['mips'][:,None]/m for m in (3720.,5320.)])
    moves=np.zeros((2*n,2),np.int32); last=0.; mig=0
    rules=np.zeros(1,K.RULES)
    ev=[]
    if POL[policy]:
        rules[0]=(*POL[policy],not mem,not once)
    def log(t): ev.append((t,tot['energy_ws'][0]/3.6e6,(hosts['utilisation']>0).sum(),(~vms['is_gone']).sum(),mig))
    for i,now in enumerate(ticks):
        K.observe(now,last,hosts,vms,on,samples,w,tot)
        if not keep: K.delete_idle_vms(hosts,vms,on)
        log(now)
        last=now
        if POL[policy]:
            p=len(ticks)-1-i
            c=K.plan_migrations(rules,hosts,vms,on,used[:,p:],loads[:,:,p:],w,moves)
            mv=moves[:c].copy(); mig+=c
            K.begin_migrations(mv,hosts,vms,on)
            K.observe(now,last,hosts,vms,on,samples,w,tot)
            end=now+vms['ram_mb'][mv[:,0]]/62.5
            for e in np.unique(end):
                K.observe(e,last,hosts,vms,on,samples,w,tot); last=e
                if not keep: K.delete_idle_vms(hosts,vms,on)
                log(e)
                K.finish_migrations(mv[end==e],hosts,vms,on)
                K.observe(e,last,hosts,vms,on,samples,w,tot)
                if not keep: K.delete_idle_vms(hosts,vms,on)
                log(e)
    K.close_books(hosts,vms,tot)
    return tot,mig,ev
if __name__=='__main__':
    tr=read_planetlab(Path('/work/shared/data/traces/planetlab/20110303'))
    o=sorted(range(tr.trace_count),key=lambda i:tr.names[i].upper())
    sh=tr.values[o]
    for pol in sys.argv[1:] or POL:
        run(sh[:8,:3].copy(),8,pol)
        for s,H in ((sh[:100],80),(sh,800)):
            t0=time.perf_counter(); tot,mig,ev=run(s,H,pol); t1=time.perf_counter()-t0
            T=tot[0]
            print(pol,T['energy_ws']/3.6e6,mig,'slatah',100*T['violated_s']/T['active_s'],'pdm',100*T['lost_to_migrations']/T['requested'],'sd',T['shutdowns'],'overall',100*(T['requested']-T['allocated'])/T['requested'],'avg',100*T['violation_shares']/max(1,T['violations']),'causes',[T[c]/max(T['violated_s'],1) for c in ('shortage_s','arrivals_s','rounding_s')],'mt',T['before_shutdown_s']/T['shutdowns'],T['migrating_s']/max(1,T['completed']),round(t1,3),flush=True)
